"""The bounds of one request: how far its points may lie from its receipt, and how large it may be."""

from django.conf import settings

from apps.metrics.doors.gate import Admission
from apps.metrics.doors.requests import DoorRequest
from apps.metrics.models import Policy
from apps.metrics.points.batch import SECOND_US
from apps.metrics.points.timestamps import TimeWindow


def window_of(request: DoorRequest, admission: Admission) -> TimeWindow:
    """Return the window of a request's points; the clock was read once, at its receipt."""
    return window_at(request.received_at_us, admission.policy)


def window_at(received_at_us: int, policy: Policy) -> TimeWindow:
    """Return the window of points that are received at an instant."""
    return TimeWindow(received_at_us, policy.skew_past_s * SECOND_US, policy.skew_future_s * SECOND_US)


def inflated_max() -> int:
    """Return how many bytes a body may have once it is inflated."""
    limit: int = settings.METRICS_MAX_INFLATED_BYTES
    return limit
