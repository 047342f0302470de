"""One claim of a run: its fence, how far it is, and what ends it."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from apps.common.encryption import SealBrokenError
from apps.common.jobs import LeaseLost, Run
from apps.projects.errors import NotLinked
from apps.projects.faults import fault
from apps.projects.git.failures import RepoAuthFailed
from apps.projects.git.layout import generation_folder
from apps.projects.git.remotes import Login
from apps.projects.models import Mirror, MirrorRun, Project
from apps.projects.states import RunKind
from apps.projects.vault import open_secret

# How far a run is when a stage begins.
STAGES: Final = {"connecting": 0.0, "fetching": 0.1, "checking": 0.6, "manifest": 0.65, "publishing": 0.95}
NEW_GENERATION: Final = frozenset({RunKind.CLONE, RunKind.RECLONE})
# Of who is asked for a name without having one: hosts of code take any beside a token.
USERNAME: Final = "git"


@dataclass(slots=True)
class Attempt:
    """A claimed run. `fence` is this claim's number: every write names it, and so matches nothing once
    another claim, a relink or an unlink has raised the mirror's.
    """

    run: Run[MirrorRun]
    mirror: Mirror
    fence: int
    # What the repository may take.
    max_bytes: int
    stage: str = ""
    began_s: float = field(default_factory=time.monotonic)

    @property
    def row(self) -> MirrorRun:
        """Return the run's row."""
        return self.run.row

    @property
    def kind(self) -> RunKind:
        """Return what the run does."""
        return RunKind(self.row.kind)

    @property
    def project(self) -> Project:
        """Return the project as it was at the claim."""
        return self.mirror.project

    @property
    def generation(self) -> int:
        """Return the generation that the run works on; the fence names a new one, so nobody shares it."""
        return self.fence if self.kind in NEW_GENERATION else self.mirror.generation

    @property
    def repository(self) -> Path:
        """Return the folder of that generation."""
        return generation_folder(self.mirror.pk, self.generation)

    @property
    def elapsed_s(self) -> float:
        """Return how long the run has taken."""
        return time.monotonic() - self.began_s

    @property
    def elapsed_ms(self) -> int:
        """Return how long the run has taken, as its row says it."""
        return round(self.elapsed_s * 1_000)

    def begin(self, stage: str) -> None:
        """Enter a stage; raises JobCancelled, LeaseLost, WorkerStopping."""
        self.stage = stage
        self.beat()
        fault(f"sync.{stage}")

    def beat(self) -> None:
        """Say that the run goes on; raises JobCancelled, LeaseLost, WorkerStopping."""
        self.run.progress(STAGES[self.stage], stage=self.stage)


def claim(run: Run[MirrorRun]) -> Attempt:
    """Raise the mirror's fence for this attempt; raises NotLinked, LeaseLost."""
    with transaction.atomic():
        mirror = (
            Mirror.objects.select_for_update(of=("self",))
            .select_related("project__organization", "credential")
            .get(pk=run.row.mirror_id)
        )
        if mirror.unlinked_at is not None or mirror.project.deleted_at is not None:
            raise NotLinked
        mirror.fence += 1
        mirror.save(update_fields=["fence"])
        run.write(fence=mirror.fence, commit_before=mirror.head_commit)
    return Attempt(run, mirror, mirror.fence, max_bytes=_allowance(mirror))


def _allowance(mirror: Mirror) -> int:
    """Return what a mirror may take: its quota, and no more than the organization's other mirrors leave."""
    others = Mirror.objects.filter(organization=mirror.organization_id).exclude(pk=mirror.pk)
    used = others.aggregate(total=Sum("size_bytes"))["total"] or 0
    quota = mirror.quota_bytes or settings.PROJECTS_MIRROR_MAX_BYTES
    return max(0, min(quota, settings.PROJECTS_ORG_MAX_BYTES - used))


def lock_mirror(attempt: Attempt) -> Mirror:
    """Return the mirror, locked until the transaction ends; raises LeaseLost if the fence is another's."""
    held = Mirror.objects.select_for_update(of=("self",)).filter(
        pk=attempt.mirror.pk,
        fence=attempt.fence,
        unlinked_at__isnull=True,
        project__deleted_at__isnull=True,
    )
    mirror: Mirror | None = held.select_related("project__organization").first()
    if mirror is None:
        raise LeaseLost
    return mirror


def login_of(mirror: Mirror) -> Login | None:
    """Return what the mirror's credential says, None without one; raises RepoAuthFailed."""
    credential = mirror.credential
    if credential is None:
        return None
    if (credential.host, credential.port) != (mirror.host, mirror.port):
        raise RepoAuthFailed(cause="the credential is for another host")
    try:
        secret = open_secret(credential)
    except SealBrokenError as error:
        raise RepoAuthFailed(cause="the credential's secret cannot be opened") from error
    if b"\n" in secret or b"\0" in secret or "\n" in credential.username:
        raise RepoAuthFailed(cause="the credential holds a line end")
    return Login(credential.username or USERNAME, secret)
