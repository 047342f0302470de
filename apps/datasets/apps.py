"""The datasets app."""

from django.apps import AppConfig

from apps.common.cards import Card, register_card


class DatasetsConfig(AppConfig):
    """Geo-event datasets."""

    name = "apps.datasets"
    label = "datasets"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere."""
        register_card(
            Card(
                title="Datasets",
                url_name="datasets:card",
                permission="datasets.view",
                topics=("datasets",),
                order=20,
            )
        )
