"""The triage board and the page of a signal, as the server makes them."""

import pytest
from django.test import Client

from apps.signals.charts import nice_ticks, spark_lines, trend_chart, waterfall
from apps.signals.models import Signal
from apps.signals.page_tags import MINUS, NONE, figure, signed, words
from tests.factories.signals import ObservationFactory, RoleTypeFactory, create_signal
from tests.furniture.people import Actors

BOARD = "/signals/"


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


@pytest.fixture
def signal(actors: Actors) -> Signal:
    """Give a signal with months, observed once."""
    row = create_signal(actors.organization, facility_name="North <b>House</b>")
    ObservationFactory.create(signal=row)
    return row


def page_of(signal: Signal) -> str:
    return f"{BOARD}{signal.pk}/"


def test_the_board_lists_the_worst_first_and_escapes_names(actors: Actors, signal: Signal) -> None:
    create_signal(actors.organization, severity=3, signal_type="sustained_excellence", facility_name="Calm")
    page = text_of(actors.viewer.browser, BOARD)

    assert page.index("North &lt;b&gt;House") < page.index("Calm")
    assert "<b>House" not in page
    assert page.count("<polyline") == 2


def test_the_board_is_narrowed_by_its_address(actors: Actors, signal: Signal) -> None:
    create_signal(actors.organization, severity=3, signal_type="sustained_excellence", facility_name="Calm")

    narrowed = text_of(actors.viewer.browser, f"{BOARD}?signal_type=sustained_excellence")
    assert "Calm" in narrowed
    assert f'data-signal="{signal.pk}"' not in narrowed
    assert "No signal fits" in text_of(actors.viewer.browser, f"{BOARD}?search=nobody")
    odd = text_of(actors.viewer.browser, f"{BOARD}?assignee=x&sort=x&absent=x&page=99&status=%00")
    assert "No signal fits" in odd


def test_an_empty_board_says_what_to_do(actors: Actors) -> None:
    page = text_of(actors.viewer.browser, BOARD)
    assert "No signals yet" in page
    assert "make_sample_run" in page


def test_strangers_find_neither_the_signal_nor_its_name(actors: Actors, signal: Signal) -> None:
    assert actors.stranger.browser.get(page_of(signal)).status_code == 404
    assert "No signals yet" in text_of(actors.stranger.browser, BOARD)
    assert actors.anonymous.browser.get(page_of(signal)).status_code == 302


def test_each_person_sees_the_acts_that_they_may_do(actors: Actors, signal: Signal) -> None:
    RoleTypeFactory.create(organization=actors.organization)
    assert "Give to" not in text_of(actors.viewer.browser, page_of(signal))

    own = text_of(actors.analyst.browser, page_of(signal))
    assert "Give to" in own
    assert str(actors.manager.actor.person.pk) not in own
    assert str(actors.analyst.actor.person.pk) in text_of(actors.manager.browser, page_of(signal))


def test_a_signal_whose_run_is_gone_still_has_its_months_and_history(actors: Actors, signal: Signal) -> None:
    page = text_of(actors.viewer.browser, page_of(signal))

    assert 'class="chart-line"' in page
    assert "The rows of the run that said so are gone" in page
    assert signal.observations.get().run.run_id in page


def test_numbers_and_codes_are_written_for_people() -> None:
    assert [figure(value) for value in (None, 15_166.0, 0.25, -3.0, 1.17, "lower_is_better", True)] == [
        NONE, "15,166", "0.2500", f"{MINUS}3", "1.170", "Lower is better", "yes",
    ]  # fmt: skip
    assert signed(-1.5) == f"{MINUS}1.50"
    assert words("critical_trajectory") == "Critical trajectory"


def test_lines_are_parted_where_months_are_missing() -> None:
    assert spark_lines([1, None, 3]) == []
    assert len(spark_lines([1, 2, None, 3, 4])) == 2
    assert spark_lines([1, None]) == []
    chart = trend_chart(["Jan", "Feb", "Mar"], [1.0, 1.0, 1.0], None)
    assert chart is not None
    assert [dot.label for dot in chart.dots] == ["Jan: 1", "Feb: 1", "Mar: 1"]


def test_ticks_are_round_and_hold_what_is_shown() -> None:
    assert nice_ticks(0.62, 1.93) == [0.5, 1.0, 1.5, 2.0]
    assert nice_ticks(-24_173.89, 1e15)[-1] >= 1e15
    assert nice_ticks(0.0, 0.0) == [-0.5, -0.25, 0.0, 0.25, 0.5]


def test_a_waterfall_ends_where_its_sum_is() -> None:
    bars = waterfall([2.0, -1.0, None, -1.0])
    assert [bar.x for bar in bars] == [0, 150, 150, 0]
    assert [bar.width for bar in bars] == [300, 150, 1.5, 150]
    assert [bar.width for bar in waterfall([0.0])] == [1.5]
