"""Pages of projects."""

from django.urls import URLPattern, URLResolver, path

from apps.projects import browsing_views, cards, job_views, rename_views, views

app_name = "projects"
urlpatterns: list[URLPattern | URLResolver] = [
    path("projects/card", cards.overview_card, name="card"),
    path("projects/", views.project_list, name="list"),
    path("projects/new/", views.new_project, name="new"),
    path("projects/<uuid:project_id>/", views.project_page, name="project"),
    path("projects/<uuid:project_id>/manifest/", views.manifest_page, name="manifest"),
    path("projects/<uuid:project_id>/jobs/", job_views.jobs_page, name="jobs"),
    path("projects/<uuid:project_id>/jobs/<uuid:job_id>/", job_views.job_page, name="job"),
    path("projects/<uuid:project_id>/renames/", rename_views.renames_page, name="renames"),
    path("projects/<uuid:project_id>/renames/<uuid:proposal_id>/", rename_views.rename_page, name="rename"),
    path("projects/<uuid:project_id>/settings/", views.settings_page, name="settings"),
]

# Files, search, commits. What an address cannot name by its path has a key.
urlpatterns += [
    path("projects/<uuid:project_id>/files/", browsing_views.files, name="files"),
    path("projects/<uuid:project_id>/files/<path:path>", browsing_views.files, name="file"),
    path(
        "projects/<uuid:project_id>/files-by-key/<slug:key>/", browsing_views.file_by_key, name="file-by-key"
    ),
    path("projects/<uuid:project_id>/search/", browsing_views.search, name="search"),
    path("projects/<uuid:project_id>/commits/", browsing_views.commits, name="commits"),
    path("projects/<uuid:project_id>/commits/<slug:sha>/", browsing_views.commit, name="commit"),
    path("projects/<uuid:project_id>/compare/", browsing_views.compare, name="compare"),
]
