"""The clocks of spatial; `config/schedule.py` says when each ticks. Two at once do no harm."""

from django.utils import timezone

from apps.common.locks import try_session_lock
from apps.spatial.warming import warm_new_versions


def warm_maps() -> None:
    """Build the coarse tiles and the default view of newly published versions."""
    with try_session_lock("spatial.warm") as held:
        if held:
            warm_new_versions(timezone.now())
