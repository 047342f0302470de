"""Tools that say why answer of built runs what the API answers."""

from typing import Any

import msgspec
import pytest

from apps.common.tools import find_tool
from apps.signals.models import Run, Signal
from tests.furniture.people import Actors
from tests.signals import databases
from tests.signals.listing import get
from tests.signals.stories import hydrate

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not databases.SAMPLES.exists(), reason="needs ../shared/data"),
]


def call(actors: Actors, name: str, **arguments: Any) -> Any:
    tool = find_tool(name)
    assert tool is not None
    return msgspec.json.decode(msgspec.json.encode(tool.call(actors.viewer.actor, tool.read(arguments))))


def test_tools_say_of_a_signal_what_the_api_says(built_runs: list[Run], actors: Actors) -> None:
    hydrate(built_runs[0])
    signal = Signal.objects.get(facility_id="FAC001", groupby_label="Facility-wide")
    key, path = str(signal.pk), f"/{signal.pk}"

    told, read = call(actors, "signals_explain", id=key), get(actors.viewer, f"{path}/explain")
    assert (told["signal_type"], told["severity"]) == (read["type"], read["severity"])
    assert [rule["number"] for rule in told["rules"] if rule["decisive"]] == [
        rule["number"] for rule in read["rules"] if rule["decisive"]
    ]
    assert [(each["name"], each["value"], each["line"]) for each in told["inputs"]] == [
        (each["name"], each["value"], each["line"]) for each in read["inputs"]
    ]
    assert told["reported"] == read["reported"]

    told = call(actors, "signals_contributions", id=key, top_n=2)
    read = get(actors.viewer, f"{path}/contributions", top_n=2)
    assert told["groups"][0]["items"] == read["groups"][0]["items"]
    assert (told["parent"], told["groups"][0]["other"]) == (None, read["groups"][0]["other"])

    (line,) = call(actors, "signals_history", id=key)["observations"]
    assert (line["run"], line["metric_value"]) == (built_runs[0].run_id, signal.metric_value)
