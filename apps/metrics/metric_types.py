"""The two types of metrics."""

from django.db.models import TextChoices


class MetricType(TextChoices):
    """What the points of a metric are."""

    COUNTER = "counter", "amounts, summed"
    VALUE = "value", "readings, averaged"

    @property
    def default_aggregation(self) -> str:
        """Return how the points of one bucket become a number unless somebody asks for another way."""
        return "sum" if self is MetricType.COUNTER else "avg"
