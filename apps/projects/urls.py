"""Pages of projects."""

from django.urls import URLPattern, URLResolver, path

from apps.projects import views

app_name = "projects"
urlpatterns: list[URLPattern | URLResolver] = [
    path("projects/", views.project_list, name="list"),
    path("projects/new/", views.new_project, name="new"),
    path("projects/<uuid:project_id>/", views.project_page, name="project"),
    path("projects/<uuid:project_id>/manifest/", views.manifest_page, name="manifest"),
    path("projects/<uuid:project_id>/settings/", views.settings_page, name="settings"),
]
