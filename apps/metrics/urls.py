"""Pages of metrics."""

from django.urls import path

from apps.metrics import views

app_name = "metrics"
urlpatterns = [
    path("explore/", views.explore, name="explore"),
    path("explore/card", views.overview_card, name="card"),
]
