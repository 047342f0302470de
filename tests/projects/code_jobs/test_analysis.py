"""The structure of files in many languages, and of files that kill their reader."""

import pytest

from apps.projects.analysis import batches
from apps.projects.analysis.batches import scan_files
from apps.projects.analysis.explaining import Lines, explain
from apps.projects.analysis.grammars import GRAMMARS, find_grammar, read_definitions
from apps.projects.analysis.isolated import EngineLimits
from apps.projects.analysis.naming import better_names
from apps.projects.analysis.python import read_python
from apps.projects.analysis.values import FileFacts, SourceFile

SAMPLES = {
    "javascript": ("class A { m(a) {} }\nconst f = (x) => x;\nlet n;", "class A, method A.m, function f"),
    "jsx": ("function F() { return <a/>; }", "function F"),
    "typescript": ("interface I {}\nenum E { A }\ntype T = string;", "interface I, enum E, type T"),
    "tsx": ("export function F(p: P) { return <a/>; }", "function F"),
    "java": ("class A { A() {} int m() { return 1; } }", "class A, method A.A, method A.m"),
    "kotlin": ("class A { fun m() = 1 }\nobject O", "class A, method A.m, class O"),
    "go": ("func F(a int) {}\ntype R struct{}\nfunc (r *R) M() {}", "function F, type R, method M"),
    "rust": ("struct S;\ntrait T {}\nmod z { fn g() {} }", "struct S, trait T, module z, function z.g"),
    "c": ("static char *g(void) { return 0; }\nstruct s { int a; };\nstruct s v;", "function g, struct s"),
    "c++": ("namespace n { class A { int m() { return 1; } }; }", "module n, class n.A, method n.A.m"),
    "c#": ("class A { void M() {} }\nstruct S {}", "class A, method A.M, struct S"),
    "ruby": ("module M\nclass A\ndef m\nend\nend\nend", "module M, class M.A, method M.A.m"),
    "php": ("<?php class A { function m() {} } function f() {}", "class A, method A.m, function f"),
    "swift": ("class A { func m() {} }\nprotocol P {}", "class A, method A.m, interface P"),
    "scala": ("class A { def m(a: Int) = 1 }\ntrait T", "class A, method A.m, trait T"),
    "lua": ("function f(a) end", "function f"),
    "shell": ("f() { echo; }", "function f"),
}  # fmt: skip


def scan(*files: SourceFile) -> list[FileFacts]:
    return [facts for _file, facts in scan_files(files, beat=lambda: None)]


def test_each_grammar_names_its_definitions() -> None:
    assert SAMPLES.keys() == GRAMMARS.keys()
    for language, (text, expected) in SAMPLES.items():
        grammar = find_grammar(language)
        assert grammar is not None
        found = ", ".join(f"{each.kind} {each.qualified_name}" for each in read_definitions(text, grammar))
        assert found == expected, language


def test_a_language_that_is_not_on_the_list_is_never_asked_for() -> None:
    for language in ("sql", "TOML", "", "../python", "nonsense"):
        assert find_grammar(language) is None


def test_signatures_are_cut_at_the_body_whatever_stands_before() -> None:
    grammar = find_grammar("JavaScript")
    assert grammar is not None
    text = "// é ü 😀\n/** Adds. */\nfunction add(a,\n  b) { return 1; }\n"
    (found,) = read_definitions(text, grammar)
    assert (found.signature, found.docstring, found.line_start) == ("function add(a, b)", "/** Adds. */", 3)


def test_a_child_that_dies_is_run_again_without_the_file_that_killed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "LIMITS", EngineLimits(memory_bytes=120 * 1024**2))
    first = SourceFile("a.py", "Python", b"def f(): pass\n")
    killer = SourceFile("b.js", "JavaScript", b"f({a: [1, 2]});\n" * 60_000)
    last = SourceFile("c.py", "Python", b"def g(): pass\n")
    found = scan(first, killer, last)
    assert [facts.unscanned for facts in found] == ["", "engine_failed", ""]
    assert [[each.name for each in facts.definitions] for facts in found] == [["f"], [], ["g"]]


def test_time_that_is_over_starts_no_child() -> None:
    files = [SourceFile("a.py", "Python", b"x = 1\n")]
    assert list(scan_files(files, beat=lambda: None, is_over=lambda: True)) == []


def test_what_nests_without_end_costs_no_more_than_its_length() -> None:
    deep = SourceFile("a.java", "Java", b"class A {\n" * 40_000 + b"}\n" * 40_000)
    chained = SourceFile("b.py", "Python", b"x" + b"[0]" * 100_000)
    first, second = scan(deep, chained)
    assert (first.unscanned, len(first.definitions)) == ("", 20_000)
    assert max(len(each.qualified_name) for each in first.definitions) == 1_024
    assert second.unscanned == "not_parsable"


def test_python_is_read_with_scopes_calls_and_ways_through() -> None:
    facts = read_python(
        b"import a.b, c\nfrom ..d import e\n\nclass A(B, metaclass=M):\n    def m(self): return self.n(f())\n"
        b"    @wrap\n    async def _p(self, /, *rest: int, k=1) -> str:\n        'Doc.'\n"
        b"        for x in y:\n            if x and z or w: pass\n        def inner(): ...\n"
    )
    assert [(each.kind, each.qualified_name, each.signature) for each in facts.definitions] == [
        ("class", "A", "class A(B, metaclass=M)"),
        ("method", "A.m", "def m(self)"),
        ("method", "A._p", "async def _p(self, /, *rest: int, k=1) -> str"),
        ("function", "A._p.inner", "def inner()"),
    ]
    method, private = facts.definitions[1:3]
    assert (method.calls, method.body_line, method.is_public) == (("f", "n"), None, True)
    assert (private.docstring, private.complexity, private.is_public) == ("Doc.", 5, False)
    assert [(each.module, each.level, each.names) for each in facts.imports] == [
        ("a.b", 0, ()), ("c", 0, ()), ("d", 2, ("e",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class my_class: pass", {"my_class": "MyClass"}),
        ("def getValue(): pass", {"getValue": "get_value"}),
        ("def _HTTPServer(): pass", {"_HTTPServer": "_http_server"}),
        ("def f_one(id): pass", {"f_one.id": "id_"}),
        ("class A:\n    id = 1\n    def list(self): pass", {}),
        ("MAX_SIZE = 1\nPath = str\n_ = 1", {}),
        ("def one(msg): pass\ndef two(message): pass", {"one.msg": "message"}),
        ("def one(msg, message): pass", {}),
        ("q = 1", {"q": "q_variable"}),
        ("def __getattr__(name): pass", {}),
    ],
)
def test_better_names_follow_conventions(text: str, expected: dict[str, str]) -> None:
    assert {each.symbol: each.proposed for each in better_names(text.encode())} == expected


def test_lines_that_cannot_be_parsed_are_not_explained() -> None:
    assert explain(Lines(b"def f(:\n", 1, 1)).unscanned == "not_parsable"
    found = explain(Lines(b"def f(a):\n    b = a.c(d)\n    return b\n", 2, 2))
    assert (found.symbol, found.bound, found.used, found.calls) == ("f", ("b",), ("a", "d"), ("a.c",))
