"""Pages of maps and forecast models."""

from django.urls import path

from apps.spatial import model_views, views

app_name = "spatial"
urlpatterns = [
    path("map/", views.hexagon_map, name="map"),
    path("models/", model_views.model_list, name="models"),
    path("models/<uuid:model_id>/", model_views.model_page, name="model"),
]
