"""The overview has a card of metrics: figures, and the metrics made last with their last day as a line."""

import pytest
from django.utils import timezone

from apps.metrics.views import spark_lines
from tests.factories.metrics import create_metric, send
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db

CARD = "/explore/card"


def shown(actors: Actors, name: str = "viewer") -> str:
    answer = actors[name].browser.get(CARD)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_figures_and_the_newest_metrics_are_shown(actors: Actors) -> None:
    row = create_metric(actors.organization, "<b>load", unit="ms")
    create_metric(actors.organization, "idle")
    send([(row, timezone.now(), 1_234.5)])

    page = shown(actors)

    assert "&lt;b&gt;load" in page
    assert "/explore/?metric=%3Cb%3Eload" in page
    assert "1,234.50 ms" in page
    assert page.count("<polyline") == 1
    assert "no points" in page


def test_without_metrics_it_says_how_to_send_some_to_whom_may(actors: Actors) -> None:
    assert "/api/v1/metrics/counter" in shown(actors, "analyst")
    assert "/api/v1/metrics/counter" not in shown(actors, "viewer")
    assert "Ask an analyst" in shown(actors, "viewer")


def test_strangers_see_their_own(actors: Actors) -> None:
    create_metric(actors.organization, "load")
    assert "load" not in shown(actors, "stranger")
    assert actors.anonymous.browser.get(CARD).status_code == 302


def test_the_overview_asks_for_it(actors: Actors) -> None:
    assert f'hx-get="{CARD}"' in actors.viewer.browser.get("/").content.decode()


def test_its_queries_do_not_grow(actors: Actors, same_queries: Check) -> None:
    names = iter(range(100))

    def make() -> None:
        row = create_metric(actors.organization, f"m{next(names)}")
        send([(row, timezone.now(), 1.0)])

    same_queries(f"GET {CARD}", make, lambda: actors.viewer.browser.get(CARD))


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ([], []),
        ([None, None], []),
        ([1.0, 3.0, 2.0], ["2.0,20.0 48.0,2.0 94.0,11.0"]),
        ([5.0, 5.0], ["2.0,11.0 94.0,11.0"]),
        ([1.0, None, 2.0], ["2.0,20.0 2.0,20.0", "94.0,2.0 94.0,2.0"]),
        ([-1e290, 1e290], ["2.0,20.0 94.0,2.0"]),
    ],
)
def test_lines_fill_the_image_and_break_where_nothing_is_known(
    values: list[float | None], lines: list[str]
) -> None:
    assert spark_lines(values) == lines
