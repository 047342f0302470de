"""The overview has a card of signals: how many of each type, and the change with the last run."""

import re

import pytest

from apps.signals.models import Run, Signal
from tests.factories.signals import GraphFactory, ObservationFactory, RunFactory, SignalFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db

CARD = "/signals/card"
CRITICAL, BASELINE = "critical_trajectory", "baseline"


def shown(actors: Actors, name: str = "viewer") -> str:
    answer = actors[name].browser.get(CARD)
    assert answer.status_code == 200
    return str(answer.content.decode())


def rows(page: str) -> dict[str, list[str]]:
    """Return the cells of each type's row, without markup."""
    found = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]
    cells = [re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in found]
    return {re.sub(r"<.*?>", "", name): counts for name, *counts in cells}


def make(run: Run, signal_type: str, *, also: Run | None = None, before: str = "") -> Signal:
    """Make a signal that a run observed, and one before it as another type."""
    signal = SignalFactory.create(graph=run.graph, first_run=run, signal_type=signal_type)
    ObservationFactory.create(signal=signal, run=run)
    if also is not None:
        ObservationFactory.create(signal=signal, run=also, signal_type=before or signal_type)
    return signal


def test_types_are_counted_with_their_change(actors: Actors) -> None:
    graph = GraphFactory.create(organization=actors.organization)
    oldest, former, current = (RunFactory.create(graph=graph) for _ in range(3))
    make(current, CRITICAL, also=former)
    make(current, CRITICAL, also=former, before=BASELINE)
    for _ in range(2):
        make(current, BASELINE, also=oldest)
    graph.current_run = current
    graph.save()

    page = shown(actors)

    assert rows(page) == {
        "Critical trajectory": ["2", "+1"],
        "Baseline": ["2", "+1"],
    }
    assert "/signals/?signal_type=critical_trajectory" in page
    assert current.run_id in page


def test_the_first_run_has_no_change(actors: Actors) -> None:
    run = RunFactory.create(graph__organization=actors.organization)
    make(run, CRITICAL)
    assert rows(shown(actors)) == {"Critical trajectory": ["1", "first run"]}


def test_without_signals_it_says_how_to_load_some_to_whom_may(actors: Actors) -> None:
    assert "manage.py load_run" in shown(actors, "manager")
    assert "manage.py load_run" not in shown(actors, "viewer")
    assert "Ask a manager" in shown(actors, "viewer")


def test_strangers_see_their_own(actors: Actors) -> None:
    make(RunFactory.create(graph__organization=actors.organization), CRITICAL)
    assert "Critical" not in shown(actors, "stranger")
    assert actors.anonymous.browser.get(CARD).status_code == 302


def test_the_overview_asks_for_it(actors: Actors) -> None:
    assert f'hx-get="{CARD}"' in actors.viewer.browser.get("/").content.decode()


def test_its_queries_do_not_grow(actors: Actors, same_queries: Check) -> None:
    def make_one() -> None:
        make(RunFactory.create(graph__organization=actors.organization), CRITICAL)

    same_queries(f"GET {CARD}", make_one, lambda: actors.viewer.browser.get(CARD))
