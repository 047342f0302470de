"""Pages of datasets."""

from django.urls import path

from apps.datasets import views

app_name = "datasets"
urlpatterns = [
    path("datasets/", views.dataset_list, name="list"),
    path("datasets/card", views.overview_card, name="card"),
    path("datasets/new", views.new_dataset, name="new"),
    path("datasets/sample.csv", views.sample_file, name="sample"),
    path("datasets/<uuid:dataset_id>/", views.dataset_page, name="dataset"),
    path("datasets/<uuid:dataset_id>/versions/<int:number>/changes", views.version_changes, name="changes"),
    path("datasets/<uuid:dataset_id>/imports/new", views.new_import, name="new-import"),
    path("datasets/<uuid:dataset_id>/imports/<uuid:import_id>/", views.import_page, name="import"),
    path("datasets/<uuid:dataset_id>/imports/<uuid:import_id>/rejects", views.rejects, name="rejects"),
]
