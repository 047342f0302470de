"""Templates and scripts hold what the strict policy allows, and name no foreign host."""

import re

from tests.architecture.source import BASE_DIR, files

HANDLER = re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE)
STYLE = re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE)
INLINE = re.compile(r"<(script|style)\b(?![^>]*\b(?:src|nonce)=)[^>]*>", re.IGNORECASE)
JAVASCRIPT_LINK = re.compile(r"""["']\s*javascript:""", re.IGNORECASE)
HOST = re.compile(r"(?:https?:|wss?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)", re.IGNORECASE)
# Names that are never loaded: XML namespaces, licences in comments, and names reserved for examples.
HARMLESS = ("www.w3.org", "example.com", "example.org", "localhost", "127.0.0.1")


def matches(pattern: re.Pattern[str], *suffixes: str) -> list[str]:
    return [
        f"{path.relative_to(BASE_DIR)}: {match[0][:80]}"
        for path in files(*suffixes)
        for match in pattern.finditer(path.read_text())
    ]


def test_templates_have_no_inline_handlers_styles_or_scripts() -> None:
    found = [
        line
        for pattern in (HANDLER, STYLE, INLINE, JAVASCRIPT_LINK)
        for line in matches(pattern, ".html")
        # A mail is no page of ours: programs that show it know inline styles alone.
        if not (pattern is STYLE and line.startswith("templates/mail/"))
    ]
    assert not found


def test_nothing_is_loaded_from_another_host() -> None:
    found = [
        line
        for line in matches(HOST, ".html", ".js", ".css", ".svg", ".json")
        if not any(name in line for name in HARMLESS)
    ]
    assert not found


def test_scripts_write_no_html_from_text() -> None:
    pattern = re.compile(r"\.(innerHTML|outerHTML)\s*[+]?=|insertAdjacentHTML|document\.write|\beval\(")
    assert not matches(pattern, ".js")
