"""Code projects: mirrors, manifests, reads, renames. Promised in performance.md, section 4.

Each part is a function of the stage and an organization; a new one is a line of PARTS.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

from apps.accounts.models import Organization
from apps.accounts.services import purge_organization
from benchmarks import projects_manifest
from benchmarks.projects_mirror import mirror_rows
from benchmarks.projects_reads import read_rows
from benchmarks.results import Row
from benchmarks.stage import Stage

TITLE = "Code projects"
PARTS: Final[Sequence[Callable[[Stage, Organization], Sequence[Row]]]] = (
    mirror_rows,
    read_rows,
)


def run(stage: Stage) -> Sequence[Row]:
    """Measure in an organization of its own, which is removed afterwards."""
    organization = Organization.objects.create(name="Benchmark", slug=f"bench-{secrets.token_hex(4)}")
    rows: list[Row] = []
    try:
        for part in PARTS:
            rows += part(stage, organization)
    finally:
        purge_organization(organization)
    return [*rows, *projects_manifest.run(stage)]
