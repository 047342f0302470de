"""Pages of previews."""

from django.urls import path, re_path

from apps.previews import cards, views

app_name = "previews"
urlpatterns = [
    path("previews/", views.session_list, name="list"),
    path("previews/card", cards.overview_card, name="card"),
    path("previews/<uuid:session_id>/", views.session_page, name="session"),
    re_path(r"^p/(?P<public_id>[a-z2-7]{12})$", views.recipient_page, name="recipient"),
]
