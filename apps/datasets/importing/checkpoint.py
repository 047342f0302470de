"""The checkpoint of an import: committed with the work it describes, read when the import goes on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from apps.datasets.reading.rows import Position

FETCHED: Final = "fetched"
INSPECTED: Final = "inspected"
READING: Final = "reading"
READ: Final = "read"
PLACED: Final = "placed"
_ORDER: Final = (FETCHED, INSPECTED, READING, READ, PLACED)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far an import is.

    `now` is the instant that reading takes for the present, the same in every attempt. `base_version` is the
    version whose segments stay. Committed is what `position` of file `file_no` has behind it; `event_no`,
    `reject_seq` and `chunk` are the next event's, evidence row's and part's. `facts` is what inspecting found
    out for the quality report, `quality` the report once all is read.
    """

    reached: str
    now: datetime
    segment_no: int = 0
    base_version: str | None = None
    file_no: int = 1
    position: Position | None = None
    event_no: int = 0
    reject_seq: int = 0
    chunk: int = 0
    parts_bytes: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)

    def has(self, step: str) -> bool:
        """Tell whether `step` is done (for reading: begun)."""
        return _ORDER.index(self.reached) >= _ORDER.index(step)

    def to_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "reached": self.reached,
            "now": self.now.isoformat(),
            "segment_no": self.segment_no,
            "base_version": self.base_version,
            "file_no": self.file_no,
            "position": self.position.to_json() if self.position else None,
            "event_no": self.event_no,
            "reject_seq": self.reject_seq,
            "chunk": self.chunk,
            "parts_bytes": self.parts_bytes,
            "facts": self.facts,
            "quality": self.quality,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read the stored form."""
        position = document["position"]
        plain = {key: value for key, value in document.items() if key not in {"now", "position"}}
        return cls(
            now=datetime.fromisoformat(document["now"]),
            position=Position.from_json(position) if position else None,
            **plain,
        )


def list_reject_counts(counts: Counter[tuple[str, str | None]]) -> list[dict[str, Any]]:
    """Return the counts by code and column, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ""))
    return [{"code": code, "column": column, "n": n} for (code, column), n in ordered]
