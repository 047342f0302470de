"""Pages of the base; sign-in and sign-out are allauth's, under `accounts/`."""

from django.urls import path

from apps.accounts import invitation_views, views

app_name = "accounts"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("accounts/invitations/<str:token>/", invitation_views.open_invitation, name="open-invitation"),
    path("accounts/invitation/", invitation_views.invitation, name="invitation"),
]
