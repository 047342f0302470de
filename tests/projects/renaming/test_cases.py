"""Each case of the rename suite ends in its bucket, and what is certain leaves the program as it was."""

import pytest

from apps.projects.renaming.errors import NewNameInvalid
from apps.projects.states import Bucket, Completeness
from tests.projects.renaming.cases import CASES, CERTAIN, REFUSED, UNSURE, Case
from tests.projects.renaming.running import (
    analysed,
    contents_after,
    edits_of,
    place_of,
    printed,
    sources_of,
    wish_for,
)


def test_the_suite_has_39_cases() -> None:
    assert [case.name[:2] for case in CASES] == [f"{number:02}" for number in range(1, 40)]


@pytest.mark.parametrize("case", CERTAIN, ids=lambda case: case.name)
def test_a_certain_rename_finds_every_site_and_the_program_prints_the_same(case: Case) -> None:
    sources = sources_of(case.files, case.encoding)
    analysis = analysed(wish_for(place_of(case.files, case.at), case.new, case.kind), sources)
    assert analysis.outcome == Completeness.COMPLETE, analysis.conflicts
    assert edits_of(analysis, Bucket.UNSURE) == []
    assert len(edits_of(analysis, Bucket.CERTAIN)) == case.edits
    assert printed({source.path.decode(): source.content for source in sources}) == case.output
    assert printed(contents_after(analysis, sources)) == case.output


@pytest.mark.parametrize("case", UNSURE, ids=lambda case: case.name)
def test_what_cannot_be_known_is_told_and_left_alone(case: Case) -> None:
    sources = sources_of(case.files)
    analysis = analysed(wish_for(place_of(case.files, case.at), case.new), sources)
    found = analysis.unscanned if case.bucket == "unscanned" else edits_of(analysis, Bucket.UNSURE)
    assert len(found) == case.edits
    assert printed({source.path.decode(): source.content for source in sources}) == case.output


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_rename_that_breaks_a_rule_is_refused(case: Case) -> None:
    sources = sources_of(case.files)
    wish = wish_for(place_of(case.files, case.at), case.new)
    if case.bucket == "invalid":
        with pytest.raises(NewNameInvalid):
            analysed(wish, sources)
        return
    analysis = analysed(wish, sources)
    assert analysis.outcome == Completeness.REFUSED
    assert len(edits_of(analysis, Bucket.REFUSED)) == case.edits
    assert edits_of(analysis, Bucket.CERTAIN) == []
    assert case.conflict in {conflict.code for conflict in analysis.conflicts}
    assert contents_after(analysis, sources)["main.py"] == sources[0].content
