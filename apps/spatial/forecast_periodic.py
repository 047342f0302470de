"""The clocks of forecasts; `config/schedule.py` says when each ticks. Two at once do no harm."""

from django.utils import timezone

from apps.common.locks import try_session_lock
from apps.spatial import pruning


def prune_forecasts() -> None:
    """Drop old predictions and artifacts, and move models on whose training was lost."""
    with try_session_lock("spatial.prune") as held:
        if not held:
            return
        now = timezone.now()
        for rule in pruning.RULES:
            rule.drop(now)
