"""The narratives of runs, as their raw rows hold them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from apps.common.errors import NotFound
from apps.signals.models import Run
from apps.signals.queries.relations import read_records

# A facility, its run, the file: two files of a run may name the same facility.
Place = tuple[str, uuid.UUID, uuid.UUID]

_PAGE: Final = (
    "SELECT facility_id, run_id, file_id, line_no, length(body) AS characters FROM raw_narratives"
    " WHERE run_id = ANY(%(runs)s)"
    " AND (%(facility)s::text IS NULL OR (facility_id, run_id, file_id)"
    " > (%(facility)s::text, %(run)s::uuid, %(file)s::uuid))"
    " ORDER BY facility_id, run_id, file_id LIMIT %(limit)s"
)
_ONE: Final = (
    "SELECT facility_id, run_id, file_id, body FROM raw_narratives"
    " WHERE run_id = ANY(%(runs)s) AND facility_id = %(facility)s"
    " ORDER BY array_position(%(runs)s::uuid[], run_id), file_id LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class NarrativeEntry:
    """A narrative in a list."""

    facility_id: str
    run: Run
    file_id: uuid.UUID
    characters: int

    @property
    def place(self) -> Place:
        """Return where it stands in the list."""
        return (self.facility_id, self.run.pk, self.file_id)


@dataclass(frozen=True, slots=True)
class NarrativeText:
    """A narrative's Markdown."""

    facility_id: str
    run: Run
    body: str


def narrative_page(runs: Sequence[Run], *, after: Place | None, limit: int) -> list[NarrativeEntry]:
    """Return the narratives of some runs by facility, those past a place. Issues one query."""
    facility, run, file = after or (None, None, None)
    by_id = {row.pk: row for row in runs}
    bound = {"runs": list(by_id), "facility": facility, "run": run, "file": file, "limit": limit}
    return [
        NarrativeEntry(row["facility_id"], by_id[row["run_id"]], row["file_id"], row["characters"])
        for row in read_records(_PAGE, bound)
    ]


def find_narrative(runs: Sequence[Run], facility_id: str) -> NarrativeText:
    """Return what the first of some runs says of a facility; raises NotFound. Issues one query."""
    by_id = {row.pk: row for row in runs}
    found = read_records(_ONE, {"runs": list(by_id), "facility": facility_id})
    if not found:
        raise NotFound
    return NarrativeText(found[0]["facility_id"], by_id[found[0]["run_id"]], found[0]["body"])
