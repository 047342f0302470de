"""The states of projects' rows, and the moves between them."""

from collections.abc import Mapping
from typing import Final

from django.db import models


class Visibility(models.TextChoices):
    """Who of the organization sees a project."""

    PRIVATE = "private"
    ORGANIZATION = "organization"


class MemberRole(models.TextChoices):
    """What a member of a project may do there."""

    VIEWER = "viewer"
    EDITOR = "editor"


class SyncMode(models.TextChoices):
    """How a mirror comes to be due."""

    ADAPTIVE = "adaptive"
    FIXED = "fixed"
    MANUAL = "manual"


class MirrorState(models.TextChoices):
    """Where a mirror stands."""

    NEW = "new"
    CLONING = "cloning"
    ACTIVE = "active"
    STALE = "stale"
    AUTH_FAILED = "auth_failed"
    OVER_QUOTA = "over_quota"
    HELD = "held"
    BRANCH_MISSING = "branch_missing"
    CORRUPT = "corrupt"
    RECLONING = "recloning"


class RunKind(models.TextChoices):
    """What a run does with a mirror."""

    CLONE = "clone"
    FETCH = "fetch"
    RECLONE = "reclone"
    PROBE = "probe"
    MANIFEST = "manifest"
    VERIFY = "verify"
    INDEX = "index"


class RunTrigger(models.TextChoices):
    """Why a run was queued."""

    USER = "user"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    COMMAND = "command"


class RunOutcome(models.TextChoices):
    """What a run that succeeded found."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    EMPTY = "empty"
    HELD = "held"
    REACHABLE = "reachable"
    SOUND = "sound"
    MISSING = "missing"


class RefKind(models.TextChoices):
    """What a published ref is."""

    BRANCH = "branch"
    TAG = "tag"


class FileKind(models.TextChoices):
    """What an entry of a tree is."""

    DIR = "dir"
    FILE = "file"
    EXEC = "exec"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"
    LFS = "lfs"


class ManifestState(models.TextChoices):
    """Where a manifest stands."""

    BUILDING = "building"
    CURRENT = "current"
    SUPERSEDED = "superseded"
    PRUNED = "pruned"


class CodeJobType(models.TextChoices):
    """What a code job makes."""

    DOCS = "docs"
    SUMMARY = "summary"
    FILE_SUMMARY = "file_summary"
    EXPLANATION = "explanation"
    RENAME_SUGGESTIONS = "rename_suggestions"


class Engine(models.TextChoices):
    """What a code job works with."""

    AUTO = "auto"
    STRUCTURAL = "structural"
    EXTERNAL = "external"


class Completeness(models.TextChoices):
    """Whether a result covers all that was asked for."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    REFUSED = "refused"


class RenameKind(models.TextChoices):
    """What is renamed."""

    SYMBOL = "symbol"
    MODULE = "module"


class RenameMode(models.TextChoices):
    """How occurrences are found: by meaning (Python), or by equal identifiers."""

    SEMANTIC = "semantic"
    SYNTACTIC = "syntactic"


class ProposalState(models.TextChoices):
    """Where a rename proposal stands."""

    ANALYSING = "analysing"
    PROPOSED = "proposed"
    APPLYING = "applying"
    APPLIED = "applied"
    REJECTED = "rejected"
    STALE = "stale"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing moves the proposal any more."""
        return self not in PROPOSAL_MOVES


PROPOSAL_MOVES: Final[Mapping[str, frozenset[str]]] = {
    "analysing": frozenset({"proposed", "failed", "cancelled"}),
    "proposed": frozenset({"applying", "rejected", "stale"}),
    "applying": frozenset({"applied", "proposed", "stale"}),
}


class Decision(models.TextChoices):
    """What a person said of one file of a proposal."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Bucket(models.TextChoices):
    """How sure it is that an occurrence means the renamed symbol."""

    CERTAIN = "certain"
    UNSURE = "unsure"
    REFUSED = "refused"
