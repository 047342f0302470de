"""What an analysis says beside its edits: symbols not found, words that stay, files left alone."""

from dataclasses import replace

import msgspec
import pytest

from apps.projects.renaming.analysing import analyse
from apps.projects.renaming.errors import (
    LanguageNotSupported,
    NewNameInvalid,
    SymbolAmbiguous,
    SymbolNotFound,
)
from apps.projects.renaming.naming import vetted_name
from apps.projects.renaming.scopes.view import read_modules
from apps.projects.renaming.values import Place, SourceFile, Wish
from apps.projects.states import Bucket, Completeness, RenameKind, RenameMode
from tests.projects.renaming.running import analysed, ask_scopes, edits_of, sources_of, wish_for

SCRIPT = "function area(side) { return side * side }\nconst other = { area: area }\nother.area(2) // area\n"


def script(path: str, text: str, language: str = "JavaScript") -> SourceFile:
    return SourceFile(path.encode(), f"blob of {path}", "100644", text.encode(), "utf-8", language)


def syntactic(new: str, place: Place) -> Wish:
    return Wish(RenameKind.SYMBOL, RenameMode.SYNTACTIC, new, place=place)


@pytest.mark.parametrize("name", ["", "a b", "1a", "class", "None", "a-b", "a.b", "a\n"])
def test_a_new_name_must_be_an_identifier_and_no_keyword(name: str) -> None:
    with pytest.raises(NewNameInvalid):
        vetted_name(name)


def test_a_new_name_is_read_as_python_reads_it() -> None:
    assert vetted_name("\ufb01eld") == "field"
    assert vetted_name("match") == "match"


def test_a_place_without_a_symbol_is_not_found_and_candidates_are_named() -> None:
    sources = sources_of({"main.py": "class P:\n    def go(self): pass\ndef f(x):\n    x.go()\n"})
    with pytest.raises(SymbolNotFound) as caught:
        analysed(wish_for(Place("main.py", 4, 7), "run"), sources)
    assert [item["qualified_name"] for item in caught.value.extra["candidates"]] == ["main.P.go"]
    with pytest.raises(SymbolNotFound):
        analysed(wish_for(Place("main.py", 3, 4), "run"), sources)
    with pytest.raises(SymbolNotFound):
        analysed(wish_for(Place("gone.py", 1, 1), "run"), sources)


def test_a_dotted_name_that_means_two_symbols_is_ambiguous() -> None:
    sources = sources_of({"lib.py": "area = 1\n", "src/lib.py": "area = 2\n"})
    with pytest.raises(SymbolAmbiguous) as caught:
        analysed(wish_for("lib.area", "square"), sources)
    assert len(caught.value.extra["candidates"]) == 2


def test_other_words_stay_with_a_reason_and_may_be_asked_for() -> None:
    files = {
        "main.py": "area = 1  # the area\nprint('area', area)\ndef f(area): return area\n",
        "README.md": "The area.\n",
        "broken.py": "area = = 1\n",
    }
    found = ask_scopes(wish_for("main.area", "square"), sources_of(files)).claimed()
    reasons = sorted((item.path, item.reason) for item in found.residual)
    assert ("main.py", "comment") in reasons
    assert ("main.py", "string") in reasons
    assert ("broken.py", "unscanned") in reasons
    wish = Wish(
        RenameKind.SYMBOL,
        RenameMode.SEMANTIC,
        "square",
        qualified_name="main.area",
        strings=True,
        comments=True,
        docs=True,
    )
    asked_for = ask_scopes(wish, [*sources_of(files)[:1], script("README.md", "The area.\n", "Markdown")])
    unsure = edits_of(asked_for.analysis(), Bucket.UNSURE)
    assert {("main.py", 1, 17), ("main.py", 2, 8), ("README.md", 1, 5)} <= set(unsure)


def test_excluded_files_are_read_and_not_changed() -> None:
    sources = sources_of({"lib.py": "area = 1\n", "use.py": "from lib import area\nprint(area)\n"})
    analysis = analyse(wish_for("lib.area", "square"), sources, exclude=["use*"])
    assert [file.path for file in analysis.files] == [b"lib.py"]
    assert {item.reason for item in analysis.residual} == {"excluded"}
    assert analysis.scanned.keys() == {"lib.py", "use.py"}


def test_one_file_that_cannot_hold_the_name_refuses_the_whole_group() -> None:
    latin = SourceFile(
        b"use.py",
        "b",
        "100644",
        "# coding: latin-1\nfrom lib import area\n'é'\n".encode("latin-1"),
        "latin-1",
        "Python",
    )
    analysis = analysed(wish_for("lib.area", "größe_日本"), [*sources_of({"lib.py": "area = 1\n"}), latin])
    assert analysis.outcome == Completeness.REFUSED
    assert len(edits_of(analysis, Bucket.REFUSED)) == 2
    assert not any(edit.selected for file in analysis.files for edit in file.edits)


def test_a_site_in_a_migration_refuses_the_rename() -> None:
    sources = sources_of(
        {
            "app/models.py": "def area(): pass\n",
            "app/migrations/0001.py": "from app.models import area\nprint(area)\n",
        }
    )
    analysis = analysed(wish_for("app.models.area", "square"), sources)
    assert analysis.outcome == Completeness.REFUSED
    assert {item.code for item in analysis.conflicts} == {"migration"}


def test_a_module_moves_and_one_that_lies_there_already_refuses_it() -> None:
    files = {
        "pack/__init__.py": "",
        "pack/one.py": "x = 1\n",
        "main.py": "import pack.one\nprint(pack.one.x)\n",
    }
    analysis = analysed(wish_for("pack.one", "two", "module"), sources_of(files))
    assert [file.new_path for file in analysis.files if file.new_path] == [b"pack/two.py"]
    taken = analysed(wish_for("pack.one", "two", "module"), sources_of({**files, "pack/two.py": ""}))
    assert taken.outcome == Completeness.REFUSED
    package = analysed(wish_for("pack", "bag", "module"), sources_of(files))
    assert {item.code for item in package.conflicts} == {"package"}


def test_two_analyses_of_equal_files_give_equal_ids() -> None:
    sources = sources_of({"lib.py": "area = 1\n", "use.py": "from lib import area\nprint(area)\n"})
    first, second = (analysed(wish_for("lib.area", "square"), sources) for _ in range(2))
    assert first == second


def test_equal_identifiers_of_another_language_are_unsure_all_of_them() -> None:
    sources = [
        script("a.js", SCRIPT),
        script("b.ts", "area()\n", "TypeScript"),
        script("c.go", "area\n", "Go"),
    ]
    analysis = analyse(syntactic("square", Place("a.js", 1, 10)), sources)
    assert edits_of(analysis, Bucket.CERTAIN) == []
    assert {path for path, _, _ in edits_of(analysis, Bucket.UNSURE)} == {"a.js", "b.ts"}
    assert not any(edit.selected for file in analysis.files for edit in file.edits)


def test_a_file_that_holds_the_new_name_or_declares_the_old_one_twice_is_refused_whole() -> None:
    sources = [
        script("a.js", SCRIPT),
        script("taken.js", "let square = area()\n"),
        script("twice.js", "function area() {}\nfunction f() { let area = 1; return area }\n"),
    ]
    analysis = analyse(syntactic("square", Place("a.js", 1, 10)), sources)
    refused = {path for path, _, _ in edits_of(analysis, Bucket.REFUSED)}
    assert refused == {"taken.js", "twice.js"}
    assert {(item.code, item.path) for item in analysis.conflicts} == {
        ("name_taken", "taken.js"),
        ("declared_twice", "twice.js"),
    }


def test_languages_without_an_engine_are_not_supported() -> None:
    sources = [script("a.cob", "AREA\n", "COBOL"), script("a.js", SCRIPT)]
    with pytest.raises(LanguageNotSupported):
        analyse(syntactic("square", Place("a.cob", 1, 1)), sources)
    with pytest.raises(LanguageNotSupported):
        analyse(wish_for(Place("a.js", 1, 10), "square"), sources)


def test_when_time_runs_out_the_rest_is_unscanned_and_files_with_the_name_come_first() -> None:
    texts = {"a.py": "x = 1\n", "b.py": "area = 1\n"}
    modules, unparsed = read_modules(texts, frozenset({"area"}), seconds=-1.0)
    assert (modules, unparsed) == ({}, {"a.py": "time", "b.py": "time"})
    assert list(unparsed) == ["b.py", "a.py"]
    asked = ask_scopes(wish_for("b.area", "square"), sources_of(texts))
    cut = msgspec.structs.replace(asked.heard.survey, unparsed={"a.py": "time"})
    partial = replace(asked, heard=replace(asked.heard, survey=cut)).analysis()
    assert partial.outcome == Completeness.PARTIAL
    assert [(item.path, item.reason) for item in partial.unscanned] == [("a.py", "time")]
