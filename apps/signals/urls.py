"""Pages of signals."""

from django.urls import path

from apps.signals import cards, views

app_name = "signals"
urlpatterns = [
    path("signals/", views.board, name="board"),
    path("signals/card", cards.overview_card, name="card"),
    path("signals/<uuid:signal_id>/", views.signal_page, name="signal"),
]
