"""The live topics of metrics: `metrics` for the catalogue, `metrics.<key>` for the points of one."""

import uuid
from typing import Any, Final

from apps.common import live
from apps.common.live import Watcher, register_topic
from apps.metrics.models import Metric

METRICS: Final = "metrics"
CREATED: Final = "metrics.metric_created"
UPDATED: Final = "metrics.metric_updated"


def topic_of(key: str) -> str:
    """Return the topic of one metric's points."""
    return f"{METRICS}.{key}"


def announce_metric(
    type_: str,
    *,
    organization_id: uuid.UUID,
    id: uuid.UUID,  # noqa: A002 - the product's word, on the wire and in the table
    metric: str,
    type: str,  # noqa: A002 - the same
    **facts: Any,
) -> None:
    """Tell who watches the catalogue, after commit, that a metric was made or changed."""
    data = {"id": str(id), "metric": metric, "type": type, **facts}
    live.publish(topic=METRICS, type=type_, data=data, organization_id=organization_id)


def register() -> None:
    """Declare them; called once, when the app is ready."""
    register_topic(pattern=METRICS, permission="metrics.view")
    register_topic(pattern=f"{METRICS}.<key>", permission="metrics.view", visible=_is_there)


def _is_there(watcher: Watcher, key: str) -> bool:
    """Tell whether a metric lives in the watcher's organization."""
    if "\0" in key:  # no text of PostgreSQL
        return False
    return Metric.objects.living().filter(organization=watcher.organization.pk, key=key).exists()
