"""The installation's own figures are points of the organization `system`."""

import pytest

from apps.accounts.models import Organization
from apps.metrics.models import Metric
from apps.metrics.recording.own_points import SAMPLES_MAX, OwnPoints
from tests.metrics.stored import stored_points

pytestmark = pytest.mark.django_db


def test_readings_are_sampled_and_amounts_are_summed() -> None:
    own = OwnPoints()
    for number in range(SAMPLES_MAX + 50):
        own.note("request_duration", number / 1_000, door="native", status="201")
    own.add("ingestion_failures", door="native", code="metrics.invalid_value")
    own.add("ingestion_failures", 2, door="native", code="metrics.invalid_value")
    own.flush()

    system = Organization.objects.get(slug="system")
    points = stored_points(system.pk)
    durations = [value for key, _at, value in points if key.startswith("sextant.request_duration;")]
    assert len(durations) == SAMPLES_MAX
    assert all(0 <= value < 0.25 for value in durations)
    failures = [value for key, _at, value in points if key.startswith("sextant.ingestion_failures;")]
    assert failures == [3.0]
    types = dict(Metric.objects.filter(organization=system).values_list("name", "type"))
    assert types == {"sextant.request_duration": "value", "sextant.ingestion_failures": "counter"}


def test_nothing_is_written_twice() -> None:
    own = OwnPoints()
    own.add("ingestion_failures", door="native", code="x")
    own.flush()
    own.flush()
    assert len(stored_points(Organization.objects.get(slug="system").pk)) == 1
