"""Comments as people write them: CommonMark without raw HTML, shown as HTML that can do no harm."""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

# A mention is `@` and the address of a member, in running text.
MENTION: Final = re.compile(
    r"(?<![\w@.+-])@([\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8})",
    re.IGNORECASE | re.ASCII,
)
MENTIONS_MAX: Final = 20
LINK_SCHEMES: Final = frozenset({"", "http", "https", "mailto"})
# The page has its own headings above those of a comment.
HEADING_SHIFT: Final = 3
HEADING_LAST: Final = 6


class _Reader(MarkdownIt):
    """The library's reader with a shorter list of what a link may lead to."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        """Tell whether a link leads to a page or an address for mail, and runs nothing."""
        try:
            return urlsplit(url.strip()).scheme.lower() in LINK_SCHEMES
        except ValueError:
            return False


@lru_cache(maxsize=256)
def rendered_comment(body: str) -> str:
    """Return a comment as HTML: raw HTML is text, images are links, links pass nothing on."""
    reader = _reader()
    tokens = reader.parse(body)
    for token in tokens:
        _tame(token)
    html: str = reader.renderer.render(tokens, reader.options, {})
    return html


def mentioned_addresses(body: str) -> list[str]:
    """Return the addresses that a comment mentions, in lower case, each once; code mentions nobody.

    At most MENTIONS_MAX, so that one comment does not call the whole house.
    """
    found = [match[1].lower() for text in _texts(_reader().parse(body)) for match in MENTION.finditer(text)]
    return list(dict.fromkeys(found))[:MENTIONS_MAX]


@cache
def _reader() -> MarkdownIt:
    reader = _Reader("commonmark", {"html": False})
    # An image would be fetched from elsewhere by everybody who reads: it becomes `!` and a link.
    reader.disable("image")
    return reader


def _tame(token: Token) -> None:
    if token.type in {"heading_open", "heading_close"}:
        token.tag = f"h{min(int(token.tag[1:]) + HEADING_SHIFT, HEADING_LAST)}"
    for child in token.children or ():
        if child.type == "link_open":
            child.attrSet("rel", "nofollow noopener")


def _texts(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the running text of each paragraph; what is code, or the text of a link, stands apart."""
    for token in tokens:
        if token.children:
            yield "".join(child.content if child.type == "text" else "\n" for child in token.children)
