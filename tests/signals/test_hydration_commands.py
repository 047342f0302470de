"""The commands of hydration: what they print, and the exit code that tells the truth."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.signals.models import Hydration, Signal
from apps.signals.services import start_hydration
from apps.signals.states import HydrationTrigger
from tests.furniture.people import Actors
from tests.signals.marts import graph_of, make_marts, make_run, put, take_out

pytestmark = pytest.mark.django_db


def run(actors: Actors, capsys: Any, name: str, *arguments: str) -> tuple[int, str]:
    """Run a command for the actors' organization; returns exit code and output."""
    capsys.readouterr()
    code = 0
    try:
        call_command(name, "--organization", actors.organization.slug, *arguments)
    except CommandError as error:
        code = error.returncode
    except SystemExit as end:
        code = int(str(end.code))
    return code, capsys.readouterr().out


def test_hydrate_signals_tells_counters_as_json_and_in_words(actors: Actors, capsys: Any) -> None:
    make_marts()
    one = make_run(graph_of(actors.organization), 2)
    put(one)
    two = make_run(one.graph, 3)
    put(two, severity=50)

    code, out = run(actors, capsys, "hydrate_signals", "--run", f"demo_graph/{one.run_id}", "--json")
    assert code == 0
    facts = json.loads(out)
    assert (facts["incoming"], facts["created"], facts["status"]) == (1, 1, "succeeded")

    code, out = run(actors, capsys, "hydrate_signals", "--dry-run")
    assert code == 0
    assert "1 changed" in out
    assert "severity: 35 -> 50" in out
    code, out = run(actors, capsys, "hydrate_signals", "--dry-run", "--json")
    (change,) = json.loads(out)["diff"]
    assert (change["kind"], change["before"]["severity"], change["after"]["severity"]) == ("changed", 35, 50)
    assert Signal.objects.get().severity == 35
    assert run(actors, capsys, "hydrate_signals", "--facility", "FAC001", "--limit", "1")[0] == 0
    assert Hydration.objects.filter(trigger="command").count() == 4


def test_hydrate_signals_exits_by_what_came_of_it(actors: Actors, capsys: Any) -> None:
    assert run(actors, capsys, "hydrate_signals")[0] == 3
    assert run(actors, capsys, "hydrate_signals", "--run", "demo_graph/none")[0] == 2
    make_marts()
    graph = graph_of(actors.organization)
    first = make_run(graph, 2)
    assert run(actors, capsys, "hydrate_signals")[0] == 1
    keys = [put(first, f"FAC{number:03}") for number in range(20)]
    assert run(actors, capsys, "hydrate_signals")[0] == 0
    second = make_run(graph, 3)
    for number in range(20):
        put(second, f"FAC{number:03}")
    for key in keys[:10]:
        take_out(second, key)
    code, out = run(actors, capsys, "hydrate_signals")
    assert (code, "10 of 20 signals would vanish" in out) == (4, True)
    assert run(actors, capsys, "hydrate_signals", "--force")[0] == 0
    start_hydration(actor=actors.admin.actor, run=first, trigger=HydrationTrigger.API)
    assert run(actors, capsys, "hydrate_signals")[0] == 5


def test_signals_count_counts_present_signals_by_what_they_share(actors: Actors, capsys: Any) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    first, second = make_run(graph, 2), make_run(graph, 3)
    for each in (first, second):
        put(each, "FAC001", signal_type="emerging_risk", severity=63)
        put(each, "FAC001", "Cardiology")
        gone = put(each, "FAC002")
    take_out(second, gone)
    for each in (first, second):
        run(actors, capsys, "hydrate_signals", "--run", f"demo_graph/{each.run_id}")

    code, out = run(actors, capsys, "signals_count", "--by", "type,status,facility,domain", "--json")
    assert code == 0
    assert json.loads(out) == {
        "present": 2,
        "absent": 1,
        "by": {
            "type": {"baseline": 1, "emerging_risk": 1},
            "status": {"new": 2},
            "facility": {"FAC001": 2},
            "domain": {"Efficiency": 2},
        },
    }
    code, out = run(actors, capsys, "signals_count", "--facility", "FAC002")
    assert out.strip() == "0 present, 1 absent"
    assert run(actors, capsys, "signals_count", "--by", "colour")[0] == 2
