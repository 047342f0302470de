"""Whatever the scopes: a rename that is offered as certain keeps what the program prints."""

import contextlib
import io
import re
import tokenize

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from apps.projects.renaming.errors import SymbolNotFound
from apps.projects.renaming.values import Analysis, Place
from apps.projects.states import Bucket, Completeness
from tests.projects.renaming.programs import NAMES, programs
from tests.projects.renaming.running import ask_scopes, contents_after, edits_of, sources_of, wish_for


def run(text: str) -> str | None:
    """Return what a program prints; None if it fails."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            exec(compile(text, "main", "exec"), {"__name__": "main"})
    except Exception:
        return None
    # How a function or class is shown holds its name and address.
    return re.sub(r"<function \S+ at 0x[0-9a-f]+>|<class '[^']*'>", "<code>", output.getvalue())


def analysed_alone(text: str, place: Place, new: str) -> Analysis:
    """Analyse with two engines that list every place: nothing but our own view decides."""
    return ask_scopes(wish_for(place, new), sources_of({"main.py": text})).claimed()


def places_of(text: str) -> list[Place]:
    """Return where the few names stand."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [Place("main.py", item.start[0], item.start[1] + 1) for item in tokens if item.string in NAMES]


def name_at(text: str, place: Place) -> str:
    """Return the one-letter name at a place."""
    return text.split("\n")[place.line - 1][place.column - 1]


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(programs(), st.data())
def test_a_certain_rename_keeps_the_output(text: str, data: st.DataObject) -> None:
    before = run(text)
    assume(before is not None)
    place = data.draw(st.sampled_from(places_of(text)))
    new = data.draw(
        st.sampled_from([name for name in (*NAMES, "fresh", "print") if name != name_at(text, place)])
    )
    sources = sources_of({"main.py": text})
    try:
        analysis = analysed_alone(text, place, new)
    except SymbolNotFound:
        return
    if analysis.conflicts or edits_of(analysis, Bucket.UNSURE):
        return
    assert edits_of(analysis, Bucket.CERTAIN)
    after = contents_after(analysis, sources)["main.py"].decode()
    assert run(after) == before, f"{place} -> {new}\n{text}\n{after}"


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(programs(), st.data())
def test_a_new_name_equal_to_a_visible_one_is_refused(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    top = [
        (number, found.start(1) + 1, found.group(1))
        for number, line in enumerate(lines, 1)
        if (found := re.match(r"(?:def |class )?([abcd])(?: = |\(|:)", line)) and not line.endswith("()")
    ]
    parameters = [
        (number, found.start(1) + 1, found.group(1))
        for number, line in enumerate(lines, 1)
        if (found := re.match(r"def [abcd]\(([abcd])=", line))
    ]
    assume(run(text) is not None and len({name for _, _, name in top}) > 1)
    line, column, old = data.draw(st.sampled_from(top + parameters))
    new = data.draw(st.sampled_from(sorted({name for _, _, name in top} - {old})))
    analysis = analysed_alone(text, Place("main.py", line, column), new)
    assert analysis.outcome == Completeness.REFUSED, f"{line}:{column} {old} -> {new}\n{text}"
    assert edits_of(analysis, Bucket.CERTAIN) == []
