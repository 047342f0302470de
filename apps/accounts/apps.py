"""The accounts app."""

from django.apps import AppConfig

from apps.accounts.topics import register_topics


class AccountsConfig(AppConfig):
    """People, organizations, roles, sessions and keys."""

    name = "apps.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give the API its store of answers; imported here because models are not loaded before."""
        from apps.accounts.idempotency import AnswerTable  # noqa: PLC0415
        from apps.common.idempotency import register_store  # noqa: PLC0415

        register_store(AnswerTable())
        register_topics()
