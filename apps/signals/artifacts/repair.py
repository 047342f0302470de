"""The slow way of section 2 of the format page: what is nearly JSON becomes JSON that a database takes."""

import json
import math
from dataclasses import dataclass
from typing import Any

NUL = "\x00"


class NotJson(ValueError):
    """Not even the slow way makes JSON of this."""


@dataclass(slots=True)
class Repaired:
    """The value, how many numbers became null, how many NULs were removed."""

    value: Any = None
    nulled: int = 0
    nuls: int = 0

    def _constant(self, _name: str) -> None:
        self.nulled += 1

    def _number(self, text: str) -> float | None:
        number = float(text)
        if math.isfinite(number):
            return number
        self.nulled += 1
        return None

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.clean_text(value)
        if isinstance(value, list):
            return [self._clean(item) for item in value]
        if isinstance(value, dict):
            return {self.clean_text(name): self._clean(item) for name, item in value.items()}
        return value

    def clean_text(self, text: str) -> str:
        """Return a text without NULs, and with marks in place of halves of surrogate pairs."""
        if NUL in text:
            self.nuls += text.count(NUL)
            text = text.replace(NUL, "")
        return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8", "replace")


def repair(content: bytes) -> Repaired:
    """Read a JSON value whose numbers may be NaN or infinite and whose texts may hold NUL; raises NotJson."""
    repaired = Repaired()
    try:
        value = json.loads(
            content.decode("utf-8"),
            strict=False,
            parse_constant=repaired._constant,  # noqa: SLF001 - its own
            parse_float=repaired._number,  # noqa: SLF001
        )
        repaired.value = repaired._clean(value)  # noqa: SLF001
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)[:200] or type(error).__name__) from error
    return repaired


def to_json(value: Any) -> bytes:
    """Return a repaired value as JSON text."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
