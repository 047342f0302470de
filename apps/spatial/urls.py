"""Pages of maps."""

from django.urls import path

from apps.spatial import views

app_name = "spatial"
urlpatterns = [path("map/", views.hexagon_map, name="map")]
