"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, organizations, roles, sessions and keys."""

    name = "apps.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
