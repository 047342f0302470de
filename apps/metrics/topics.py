"""The live topics of metrics: `metrics` for the catalogue, `metrics.<key>` for the points of one."""

from typing import Final

from apps.common.live import Watcher, register_topic
from apps.metrics.models import Metric

METRICS: Final = "metrics"
CREATED: Final = "metrics.metric_created"
UPDATED: Final = "metrics.metric_updated"


def topic_of(key: str) -> str:
    """Return the topic of one metric's points."""
    return f"{METRICS}.{key}"


def register() -> None:
    """Declare them; called once, when the app is ready."""
    register_topic(pattern=METRICS, permission="metrics.view")
    register_topic(pattern=f"{METRICS}.<key>", permission="metrics.view", visible=_is_there)


def _is_there(watcher: Watcher, key: str) -> bool:
    """Tell whether a metric lives in the watcher's organization."""
    if "\0" in key:  # no text of PostgreSQL
        return False
    return Metric.objects.living().filter(organization=watcher.organization.pk, key=key).exists()
