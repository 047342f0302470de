"""The jobs of projects, and what follows when one ends.

A worker may die between the end of a job and what follows: the rows are the truth, and the clock asks again.
"""

import uuid
from collections.abc import Callable
from typing import Final

from apps.common.db import JobStatus
from apps.projects.announcing import announce_finished, announce_progress
from apps.projects.documenting.indexing import queue_index, run_index
from apps.projects.documenting.job import run_code_job
from apps.projects.errors import GitFailed
from apps.projects.manifests.building import ManifestFailed
from apps.projects.mirroring.attempt import NEW_GENERATION
from apps.projects.mirroring.job import run_sync
from apps.projects.mirroring.queueing import queue_verification
from apps.projects.mirroring.settling import settle_lost
from apps.projects.mirroring.verifying import run_verify
from apps.projects.models import Application, MirrorRun, Proposal
from apps.projects.proposing import staleness
from apps.projects.proposing.analysing import run_rename
from apps.projects.proposing.applying import run_apply
from apps.projects.proposing.settling import settle_analysis, settle_application
from apps.projects.states import RunOutcome

__all__ = [
    "follow_publication",
    "run_apply",
    "run_code_job",
    "run_index",
    "run_rename",
    "run_sync",
    "run_verify",
]

# Mirrors

# What follows a publication, in this order: each takes a project's id, and may be called again at any time.
FOLLOWERS: Final[list[Callable[[uuid.UUID], object]]] = [
    staleness.follow_publication,
    queue_index,
]
SUSPECT_CODES: Final = frozenset({GitFailed.code, ManifestFailed.code})
QUIET_STAGES: Final = frozenset({"", "connecting"})


@run_sync.on_change
def tell_progress(row: MirrorRun) -> None:
    """Publish how far a run is, once it is more than a look at the remote."""
    if row.status == JobStatus.RUNNING and row.stage not in QUIET_STAGES:
        announce_progress(row)


@run_sync.on_end
def follow_sync(row: MirrorRun) -> None:
    """Let the mirror follow a run that was lost; tell of the end, and let what is read from code follow."""
    settle_lost(row)
    # Nothing new is nothing to tell.
    if row.outcome != RunOutcome.UNCHANGED:
        announce_finished(row)
    # A new generation is another repository, also where it says the same: it lacks what was made here.
    is_new = row.outcome != RunOutcome.UNCHANGED or row.kind in NEW_GENERATION
    is_published = row.status == JobStatus.SUCCEEDED and is_new
    # A new generation is looked over; so is one that git cannot read, as it may be damaged.
    is_suspect = row.status == JobStatus.FAILED and row.error_code in SUSPECT_CODES
    if (is_published and row.kind in NEW_GENERATION) or (is_suspect and row.kind not in NEW_GENERATION):
        queue_verification(row.mirror)
    if is_published:
        follow_publication(row.project_id)


def follow_publication(project_id: uuid.UUID) -> None:
    """Let everything that rests on published code follow; repeatable."""
    for follow in FOLLOWERS:
        follow(project_id)


# Proposals


@run_rename.on_end
def follow_analysis(row: Proposal) -> None:
    """Settle the state of a proposal whose analysis has ended."""
    settle_analysis(row)


@run_apply.on_end
def follow_application(row: Application) -> None:
    """Settle the state of a proposal whose application has ended."""
    settle_application(row)
