"""Counts over all signals are kept between hydrations, and nobody sees an old one."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.common.db import JobStatus
from apps.signals.models import Graph, Hydration, Signal
from apps.signals.triage_services import assign_signal
from tests.factories.signals import GraphFactory, RunFactory, create_signal
from tests.furniture.people import Actors, Person
from tests.signals.listing import get

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph(actors: Actors) -> Graph:
    return GraphFactory.create(organization=actors.organization)


def hydration(graph: Graph, status: JobStatus) -> Hydration:
    """Make the row of a hydration in a state."""
    run = RunFactory.create(graph=graph)
    ended_at = timezone.now() if status.is_final else None
    return Hydration.objects.create(
        organization=graph.organization, graph=graph, run=run, status=status, finished_at=ended_at
    )


def make(graph: Graph, facility: str) -> Signal:
    return create_signal(graph.organization, graph=graph, facility_id=facility)


def counts(person: Person, field: str, **parameters: Any) -> dict[str, int]:
    """Return what filter-options says of a field."""
    values = get(person, "/filter-options", **parameters)[field]["values"]
    return {each["value"]: each["count"] for each in values}


def test_signals_of_a_later_hydration_are_counted_at_once(actors: Actors, graph: Graph) -> None:
    hydration(graph, JobStatus.SUCCEEDED)
    make(graph, "A")
    assert counts(actors.viewer, "facility_id") == {"A": 1}

    later = hydration(graph, JobStatus.RUNNING)
    make(graph, "B")
    assert counts(actors.viewer, "facility_id") == {"A": 1, "B": 1}
    make(graph, "C")
    assert counts(actors.viewer, "facility_id") == {"A": 1, "B": 1, "C": 1}

    make(graph, "D")
    Hydration.objects.filter(pk=later.pk).update(status=JobStatus.FAILED, finished_at=timezone.now())
    assert counts(actors.viewer, "facility_id") == {"A": 1, "B": 1, "C": 1, "D": 1}


def test_signals_are_counted_once_between_two_hydrations(actors: Actors, graph: Graph) -> None:
    hydration(graph, JobStatus.SUCCEEDED)
    make(graph, "A")

    for times in (1, 0):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert counts(actors.viewer, "facility_id") == {"A": 1}
        assert sum("GROUPING SETS" in query["sql"] for query in queries) == times


def test_what_people_change_is_counted_at_once(actors: Actors, graph: Graph) -> None:
    hydration(graph, JobStatus.SUCCEEDED)
    signal = make(graph, "A")
    assert counts(actors.viewer, "status") == {"new": 1}
    assert actors.analyst.user is not None

    assign_signal(
        actor=actors.analyst.actor,
        signal=signal,
        assignee_id=actors.analyst.user.pk,
        role_type="administration",
    )

    assert counts(actors.viewer, "status") == {"assigned": 1}
    assert counts(actors.viewer, "assignee") == {str(actors.analyst.user.pk): 1}
    assert counts(actors.viewer, "role_type") == {"administration": 1}


def test_what_is_narrowed_or_of_others_has_counts_of_its_own(actors: Actors, graph: Graph) -> None:
    hydration(graph, JobStatus.SUCCEEDED)
    make(graph, "A")
    make(graph, "B")
    assert counts(actors.viewer, "facility_id") == {"A": 1, "B": 1}

    assert counts(actors.viewer, "facility_id", facility_id="B") == {"B": 1}
    assert counts(actors.viewer, "facility_id", absent="only") == {}
    assert counts(actors.stranger, "facility_id") == {}
