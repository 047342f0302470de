"""A selection is checked before it may be applied: what would break code blocks."""

from dataclasses import replace

from apps.projects.renaming.analysing import analyse
from apps.projects.renaming.checking import check_selection
from apps.projects.renaming.values import Analysis, Choice, Edit, FileEdits, Wish
from apps.projects.states import Bucket, Decision
from tests.projects.renaming.running import analysed, place_of, sources_of, wish_for

FILES = {
    "lib.py": "def area(side):\n    return side * side\n\n\n"
    "class Field:\n    def area(self):\n        return 1\n",
    "main.py": "from lib import area, Field\n\n\ndef show(thing):\n    return thing.area()\n\n\n"
    "print(area(2), show(Field()))\n",
}
SOURCES = sources_of(FILES)
WISH = wish_for(place_of(FILES, ("lib.py", "def |area(side")), "square")


def approved(analysis: Analysis) -> list[Choice]:
    return [Choice(file, Decision.APPROVED) for file in analysis.files]


def failing(wish: Wish, analysis: Analysis, choices: list[Choice]) -> set[str]:
    return {check.code for check in check_selection(wish, analysis.symbol, choices, SOURCES) if not check.ok}


def with_ticks(file: FileEdits, *, selected: bool, line: int) -> FileEdits:
    def tick(edit: Edit) -> Edit:
        return replace(edit, selected=selected) if edit.line == line else edit

    return replace(file, edits=tuple(tick(edit) for edit in file.edits))


def test_what_is_certain_may_be_applied_as_it_is() -> None:
    analysis = analyse(WISH, SOURCES)
    checks = check_selection(WISH, analysis.symbol, approved(analysis), SOURCES)
    assert [check for check in checks if not check.ok] == []
    assert {"files_decided", "groups_whole", "reference_missed", "captured"} <= {
        check.code for check in checks
    }


def test_a_pending_file_blocks() -> None:
    analysis = analysed(WISH, SOURCES)
    choices = [Choice(analysis.files[0], Decision.APPROVED), Choice(analysis.files[1], Decision.PENDING)]
    assert "files_decided" in failing(WISH, analysis, choices)


def test_a_group_split_by_a_rejection_blocks() -> None:
    analysis = analysed(WISH, SOURCES)
    choices = [Choice(analysis.files[0], Decision.APPROVED), Choice(analysis.files[1], Decision.REJECTED)]
    assert failing(WISH, analysis, choices) == {"groups_whole"}


def test_a_reference_without_a_group_that_is_left_out_blocks() -> None:
    analysis = analysed(WISH, SOURCES)
    files = [
        with_ticks(
            replace(file, edits=tuple(replace(edit, group="") for edit in file.edits)), selected=False, line=8
        )
        for file in analysis.files
    ]
    choices = [Choice(file, Decision.APPROVED) for file in files]
    assert "reference_missed" in failing(WISH, analysis, choices)


def test_an_unsure_site_may_be_ticked_by_a_person() -> None:
    wish = wish_for(place_of(FILES, ("lib.py", "def |area(self")), "size")
    analysis = analysed(wish, SOURCES)
    files = [with_ticks(file, selected=True, line=5) for file in analysis.files]
    assert any(edit.selected and edit.bucket == "unsure" for file in files for edit in file.edits)
    assert failing(wish, analysis, [Choice(file, Decision.APPROVED) for file in files]) == set()


def test_a_file_that_changed_since_blocks() -> None:
    analysis = analysed(WISH, SOURCES)
    files = [replace(file, blob="0" * 40) for file in analysis.files]
    assert failing(WISH, analysis, [Choice(file, Decision.APPROVED) for file in files]) == {"edits_apply"}


def test_a_refused_edit_that_is_ticked_all_the_same_blocks() -> None:
    wish = wish_for(place_of(FILES, ("lib.py", "def |area(side")), "Field")
    analysis = analysed(wish, SOURCES)
    files = [
        replace(file, edits=tuple(replace(edit, selected=True) for edit in file.edits))
        for file in analysis.files
    ]
    assert "none_refused" in failing(wish, analysis, [Choice(file, Decision.APPROVED) for file in files])


def test_a_capture_that_nobody_saw_before_is_seen_in_the_code_itself() -> None:
    files = {
        "main.py": "def area(n):\n    return n\ndef show(square):\n    return area(square)\nprint(show(1))\n"
    }
    sources = sources_of(files)
    place = place_of(files, ("main.py", "def |area"))
    analysis = analysed(wish_for(place, "square"), sources)
    forged = [
        replace(file, edits=tuple(replace(edit, selected=True, bucket=Bucket.CERTAIN) for edit in file.edits))
        for file in analysis.files
    ]
    choices = [Choice(file, Decision.APPROVED) for file in forged]
    checks = check_selection(wish_for(place, "square"), analysis.symbol, choices, sources)
    assert "captured" in {check.code for check in checks if not check.ok}
