"""Pages of the base; sign-in and sign-out are allauth's, under `accounts/`."""

from django.urls import path

from apps.accounts import views

app_name = "accounts"
urlpatterns = [path("", views.overview, name="overview")]
