"""Where a name is reached in ways that nobody sees, a rename is doubted, refused, or comes out right."""

import pytest

from apps.projects.states import Bucket
from tests.projects.renaming.running import (
    ask_scopes,
    edits_of,
    is_silent_breakage,
    place_of,
    printed,
    sources_of,
    wish_for,
)
from tests.projects.renaming.traps import TRAPS


@pytest.mark.parametrize("name", TRAPS)
def test_no_trap_breaks_a_program_in_silence(name: str) -> None:
    snippet, new, text = TRAPS[name]
    files = {"main.py": text}
    sources = sources_of(files)
    analysis = ask_scopes(wish_for(place_of(files, ("main.py", snippet)), new), sources).claimed()
    output = printed({"main.py": text.encode()})
    assert "Error" not in output
    assert not is_silent_breakage(analysis, sources, output)
    assert sum(len(edits_of(analysis, bucket)) for bucket in Bucket)
