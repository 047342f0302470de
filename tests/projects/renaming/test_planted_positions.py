"""An engine that lies breaks nothing in silence: each alone can only cast doubt, or confirm what we know."""

from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from apps.projects.renaming.wire import Listed, Spot
from tests.projects.renaming.cases import CASES, Case
from tests.projects.renaming.running import (
    Asked,
    Engines,
    ask_here,
    is_silent_breakage,
    place_of,
    sources_of,
    wish_for,
)


def missing(asked: Asked, listed: Listed) -> list[Spot]:
    """Lose every position."""
    return []


def lost_half(asked: Asked, listed: Listed) -> list[Spot]:
    """Lose every second position."""
    return listed.spots[::2]


def false(asked: Asked, listed: Listed) -> list[Spot]:
    """Claim every place where the name is written, whatever it means there."""
    return asked.written()


def shifted(asked: Asked, listed: Listed) -> list[Spot]:
    """Point one column beside each position."""
    return [Spot(spot.path, spot.line, spot.column + 1) for spot in listed.spots]


def onto_the_next_line(asked: Asked, listed: Listed) -> list[Spot]:
    """Point one line below each position."""
    return [Spot(spot.path, spot.line + 1, spot.column) for spot in listed.spots]


Lie = Callable[[Asked, Listed], list[Spot]]
LIES: tuple[Lie, ...] = (missing, lost_half, false, shifted, onto_the_next_line)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.bucket != "invalid"], ids=lambda case: case.name
)
def test_no_lie_of_one_engine_breaks_a_program_in_silence(case: Case) -> None:
    sources = sources_of(case.files, case.encoding)
    asked = ask_here(wish_for(place_of(case.files, case.at), case.new, case.kind), sources)
    outcomes = {
        repr(analysis): analysis
        for engine in ("rope", "jedi")
        for lie in LIES
        for analysis in [asked.analysis(partial(told, asked, engine, lie))]
    }
    # Many lies come to the same edits: each outcome is run once.
    for analysis in outcomes.values():
        assert not is_silent_breakage(analysis, sources, case.output)


def told(asked: Asked, engine: str, lie: Lie, engines: Engines) -> Engines:
    """Return what the engines say when one of them lies."""
    return {**engines, engine: msgspec.structs.replace(engines[engine], spots=lie(asked, engines[engine]))}
