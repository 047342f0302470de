"""The table of facts: one row for each blob of an organization, under the generator's version."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.db import connection

from apps.projects.manifests.values import GENERATOR, Facts

_COLUMNS: Final = (
    "blob, size_bytes, sha256, lines, encoding, eol, has_bom, is_binary, shebang, lfs_size_bytes, symbols"
)
READ_FACTS: Final = f"""
SELECT {_COLUMNS} FROM projects_blob_fact
WHERE organization_id = %s AND blob = ANY(%b) AND generator = %s
"""  # noqa: S608 - a list of columns

# What a listing shows of them: the rest of a row takes as long to read as the listing itself.
READ_SHOWN: Final = """
SELECT blob, lines, is_binary, shebang, lfs_size_bytes FROM projects_blob_fact
WHERE organization_id = %s AND blob = ANY(%b) AND generator = %s
"""

# Texts go as they are (%b): to escape them for an array takes longer than to learn them from small blobs.
# In key order, so that two builds that learn the same blobs wait for each other and never both ways. Facts
# that are there are equal to these; only another name of the blob may have asked for another language.
KEEP_FACTS: Final = f"""
INSERT INTO projects_blob_fact (organization_id, generator, {_COLUMNS})
SELECT %s, %s, {_COLUMNS} FROM unnest(
    %b::text[], %s::bigint[], %b::bytea[], %s::integer[], %b::text[], %b::text[], %s::boolean[],
    %s::boolean[], %b::text[], %s::bigint[], %b::text[]::jsonb[]
) AS new ({_COLUMNS})
ORDER BY blob COLLATE "C"
ON CONFLICT (organization_id, blob, generator)
DO UPDATE SET symbols = projects_blob_fact.symbols || excluded.symbols
"""  # noqa: S608 - a list of columns


@dataclass(frozen=True, slots=True)
class ShownFacts:
    """What of a blob's `Facts` a listing shows."""

    lines: int | None
    is_binary: bool
    shebang: str
    lfs_size_bytes: int | None


def shown_facts(organization_id: uuid.UUID, blobs: Sequence[str]) -> dict[str, ShownFacts]:
    """Return what a listing shows of blobs, by id, as far as it is known; one query."""
    if not blobs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(READ_SHOWN, [organization_id, list(blobs), GENERATOR])
        return {blob: ShownFacts(*columns) for blob, *columns in cursor.fetchall()}


def kept_facts(organization_id: uuid.UUID, blobs: Sequence[str]) -> dict[str, Facts]:
    """Return what is known of blobs, by id; one query."""
    if not blobs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(READ_FACTS, [organization_id, list(blobs), GENERATOR])
        return {row[0]: _facts(row) for row in cursor.fetchall()}


def keep_facts(organization_id: uuid.UUID, learnt: Mapping[str, Facts]) -> None:
    """Keep the facts of blobs; one statement, safe to repeat."""
    if not learnt:
        return
    rows = [
        (
            *(blob, facts.size_bytes, facts.sha256, facts.lines, facts.encoding, facts.eol, facts.has_bom),
            *(facts.is_binary, facts.shebang, facts.lfs_size_bytes),
            orjson.dumps(facts.symbols).decode(),
        )
        for blob, facts in learnt.items()
    ]
    with connection.cursor() as cursor:
        columns = [list(column) for column in zip(*rows, strict=True)]
        cursor.execute(KEEP_FACTS, [organization_id, GENERATOR, *columns])


def _facts(row: Sequence[Any]) -> Facts:
    columns = [*row[1:-1], orjson.loads(row[-1])]
    return Facts(*columns)
