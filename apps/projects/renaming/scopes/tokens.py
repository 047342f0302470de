"""Words of a file that the syntax tree gives no position of their own."""

import bisect
import io
import tokenize
from collections.abc import Iterator

Position = tuple[int, int]


class Tokens:
    """The tokens of a file in order; lines from 1, columns in code points from 0."""

    def __init__(self, text: str) -> None:
        skipped = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT}
        every = list(tokenize.generate_tokens(io.StringIO(text).readline))
        self.comments = [item for item in every if item.type == tokenize.COMMENT]
        self.items = [item for item in every if item.type not in skipped]
        self._starts = [item.start for item in self.items]

    def words_from(self, start: Position) -> Iterator[tokenize.TokenInfo]:
        """Yield what stands at a position and behind it."""
        return (self.items[at] for at in range(bisect.bisect_left(self._starts, start), len(self.items)))

    def before(self, position: Position) -> Iterator[tokenize.TokenInfo]:
        """Yield what ends before a position, backwards."""
        return (self.items[at] for at in range(bisect.bisect_left(self._starts, position) - 1, -1, -1))

    def after_word(self, start: Position, word: str) -> tokenize.TokenInfo | None:
        """Return the token behind the next equal word."""
        found = self.words_from(start)
        for item in found:
            if item.string == word:
                return next(found, None)
        return None
