"""What gate and load notice in a run's files (section 7 of the format page)."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["info", "warn", "error"]

INCOMPLETE: Final = "gate.incomplete"
COUNT_MISMATCH: Final = "gate.count_mismatch"
TRUNCATED: Final = "gate.truncated"
RUN_ID_MISMATCH: Final = "gate.run_id_mismatch"
SCHEMA_VERSION: Final = "gate.schema_version"
PATH_ESCAPE: Final = "gate.path_escape"
LEGACY_FORMAT: Final = "gate.legacy_format"
VALIDATION_FAILED: Final = "gate.validation_failed"
LINE_REJECTED: Final = "load.line_rejected"
DUPLICATE_ENTITY: Final = "load.duplicate_entity"
NUMBER_NULLED: Final = "load.number_nulled"
NUL_REMOVED: Final = "load.nul_removed"
BOM: Final = "load.bom"
OPTIONAL_MISSING: Final = "load.optional_missing"
EDGE_TYPE_UNKNOWN: Final = "load.edge_type_unknown"
VALIDATION_WARNING: Final = "load.validation_warning"

# Nothing but other files helps against these; the others may be a run that is still being written.
REJECTING: Final = frozenset({SCHEMA_VERSION, PATH_ESCAPE, LEGACY_FORMAT, VALIDATION_FAILED})
SEVERITIES: Final[dict[str, Severity]] = {
    DUPLICATE_ENTITY: "warn",
    NUMBER_NULLED: "info",
    NUL_REMOVED: "info",
    BOM: "info",
    OPTIONAL_MISSING: "info",
    EDGE_TYPE_UNKNOWN: "warn",
    VALIDATION_WARNING: "warn",
}
MESSAGE_CHARS: Final = 1_000
KEPT_OF_A_CODE: Final = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed; `line` is the first of `count` equal ones. Codes without an entry are errors."""

    code: str
    message: str
    file: str = ""
    line: int | None = None
    count: int = 1

    @property
    def severity(self) -> Severity:
        """Return how much it matters."""
        return SEVERITIES.get(self.code, "error")

    @property
    def is_permanent(self) -> bool:
        """Tell whether the run is rejected for it until its files change."""
        return self.code in REJECTING


def capped(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first hundred of each code with texts cut to size, then one that counts the rest."""
    seen: Counter[str] = Counter()
    rest: Counter[str] = Counter()
    for finding in findings:
        seen[finding.code] += 1
        if seen[finding.code] > KEPT_OF_A_CODE:
            rest[finding.code] += finding.count
            continue
        message, file = _storable(finding.message)[:MESSAGE_CHARS], _storable(finding.file)
        yield Finding(finding.code, message, file, finding.line, finding.count)
    for code, count in rest.items():
        yield Finding(code, "More of the same.", count=count)


def _storable(text: str) -> str:
    """Return a text as a database takes it: names of files may be no UTF-8."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8", "replace")
