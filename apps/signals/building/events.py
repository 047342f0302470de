"""What dbt says while it works: one JSON object a line."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

STARTED: Final = "LogStartLine"
FINISHED: Final = frozenset({"LogModelResult", "LogTestResult", "LogSeedResult", "SkippingDetails"})


@dataclass(frozen=True, slots=True)
class Step:
    """A node that dbt starts: the `index`-th of `total`."""

    index: int
    total: int
    name: str

    @property
    def stage(self) -> str:
        """Return how far the build is: "31/88 stg_nodes"."""
        return f"{self.index}/{self.total} {self.name}"

    @property
    def fraction(self) -> float:
        """Return the share of nodes that were started before this one."""
        return (self.index - 1) / max(self.total, 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of dbt's output: its text for people, and the step that it announces."""

    text: str
    step: Step | None = None


def read_line(raw: bytes) -> Line:
    """Return what a line says; one that is no JSON (a traceback) is text as it stands."""
    try:
        said = orjson.loads(raw)
        info, data = said["info"], said["data"]
        text = str(info.get("msg", ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Line(raw.decode(errors="replace").rstrip())
    is_start = info.get("name") == STARTED and isinstance(data, dict)
    return Line(text, _step(data) if is_start else None)


def _step(data: dict[str, Any]) -> Step | None:
    index, total = data.get("index"), data.get("total")
    node = data.get("node_info") or {}
    if not isinstance(index, int) or not isinstance(total, int):
        return None
    return Step(index, total, str(node.get("node_name", "")))
