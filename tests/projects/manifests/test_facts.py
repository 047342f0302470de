"""What bytes say: encodings, line ends, binary, interpreter, LFS pointers; whole or in pieces."""

import hashlib

import hypothesis.strategies as st
import pytest
from hypothesis import given

from apps.projects.manifests.facts import (
    BINARY_LOOK_BYTES,
    FactScan,
    cookie_of,
    facts_of,
    shebang_of,
    text_of,
)
from apps.projects.manifests.scanners import definition_lines

LATIN = "# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1")


@pytest.mark.parametrize(
    ("content", "encoding", "eol", "lines", "has_bom"),
    [
        (b"", "ascii", "none", 0, False),
        (b"one", "ascii", "none", 1, False),
        (b"a\nb\n", "ascii", "lf", 2, False),
        (b"a\nb", "ascii", "lf", 2, False),
        (b"a\r\nb\r\n", "ascii", "crlf", 2, False),
        (b"a\rb\r", "ascii", "cr", 2, False),
        (b"a\r\nb\nc\rd", "ascii", "mixed", 4, False),
        ("ä\n".encode(), "utf-8", "lf", 1, False),
        (b"\xef\xbb\xbfa\n", "utf-8", "lf", 1, True),
        (b"\xef\xbb\xbf", "utf-8", "none", 0, True),
        ("ä\r\nb".encode("utf-16"), "utf-16le", "crlf", 2, True),
        (b"\xfe\xff" + "\u0a0a\n".encode("utf-16-be"), "utf-16be", "lf", 1, True),
        (b"\xff\xfe", "utf-16le", "none", 0, True),
        (b"\xff\xfea", "unknown-8bit", "none", 1, False),
        (LATIN, "iso-8859-1", "lf", 2, False),
        (b"\n" + LATIN, "iso-8859-1", "lf", 3, False),
        (b"\n\n" + LATIN, "unknown-8bit", "lf", 4, False),
        (b"# coding: cp1252\n\x81\n", "unknown-8bit", "lf", 2, False),
        (b"# coding: zlib\n\xff\n", "unknown-8bit", "lf", 2, False),
        (b"caf\xe9\n", "unknown-8bit", "lf", 1, False),
        (b"x" * 5_000_000, "ascii", "none", 1, False),
        (b"x" * BINARY_LOOK_BYTES + b"\0\n", "ascii", "lf", 1, False),
    ],
)
def test_text_is_described(content: bytes, encoding: str, eol: str, lines: int, has_bom: bool) -> None:
    facts = facts_of(content)
    assert (facts.encoding, facts.eol, facts.lines, facts.has_bom) == (encoding, eol, lines, has_bom)
    assert not facts.is_binary
    assert facts.sha256 == hashlib.sha256(content).digest()


def test_a_nul_among_the_first_bytes_is_binary() -> None:
    facts = facts_of(b"a\n\0" + b"b\n" * 10)
    assert (facts.is_binary, facts.lines, facts.encoding, facts.size_bytes) == (True, None, "", 23)


def test_text_is_decoded_as_it_was_described() -> None:
    assert text_of(LATIN, facts_of(LATIN)).endswith("'é'\n")
    marked = "ä\n".encode("utf-16")
    assert text_of(marked, facts_of(marked)) == "ä\n"
    assert text_of(b"caf\xe9", facts_of(b"caf\xe9")) == "café"


PIECES = st.one_of(
    st.binary(max_size=30),
    st.text("a\r\n\u00e4\u20ac", max_size=20).map(str.encode),
    st.text("a\r\n\u00e4\U0001f600", max_size=20).map(lambda text: text.encode("utf-16")),
    st.text("a\r\n", max_size=9).map(
        lambda text: b"# coding: latin-1\n" + text.encode("latin-1") + b"\xe9\r\n"
    ),
)


@given(content=PIECES, size=st.integers(1, 9))
def test_pieces_say_what_the_whole_does(content: bytes, size: int) -> None:
    content = content + b"a" * BINARY_LOOK_BYTES + content
    scan = FactScan()
    scan.feed(content[: BINARY_LOOK_BYTES + 7])
    for start in range(BINARY_LOOK_BYTES + 7, len(content), size):
        scan.feed(content[start : start + size])
    assert scan.facts() == facts_of(content)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"#!/bin/sh\n", "sh"),
        (b"#!/usr/bin/env python3\n", "python3"),
        (b"#! /usr/bin/env -S LANG=C node --x\n", "node"),
        (b"#!/usr/bin/env\n", ""),
        (b"#!" + b"x" * 300, ""),
        (b"# no\n", ""),
    ],
)
def test_the_interpreter_is_named(line: bytes, name: str) -> None:
    assert shebang_of(line) == name


def test_cookies_name_only_codecs_of_text() -> None:
    assert cookie_of(b"# vim: set fileencoding=Shift_JIS :\n") == "shift-jis"
    assert cookie_of(b"# coding: rot13\n") == ""
    assert cookie_of(b"x = 1 # coding: latin-1\n") == ""


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("Python", b"class A:\r\n\tasync def f():\r\n", [(b"class", b"A", 0), (b"def", b"f", 1)]),
        ("C", b"static int f(int a)\n{\n  return g(a);\n}\nint g(int);\n", [(b"", b"f", 0)]),
        ("Go", b"func (a *T) M() {\ntype X struct {\n", [(b"func", b"M", 0), (b"type", b"X", 0)]),
        ("Rust", b"pub(crate) async fn f() {\n", [(b"fn", b"f", 0)]),
        (
            "TypeScript",
            b"export default class A {\nexport function* g() {\n",
            [(b"class", b"A", 0), (b"function", b"g", 0)],
        ),
        ("Java", b"  public static final class A {\n", [(b"class", b"A", 2)]),
        ("Shell", b"f() {\nfunction g {\n", [(b"", b"f", 0), (b"function", b"g", 0)]),
    ],
)
def test_definition_lines_are_found(
    language: str, text: bytes, found: list[tuple[bytes, bytes, int]]
) -> None:
    assert definition_lines(language, text) == found
