"""The lifecycles of signals.md sections 1 and 7, as tables of moves."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.db import models


class RunStatus(models.TextChoices):
    """How far a run has come through the pipeline."""

    WAITING = "waiting"
    REJECTED = "rejected"
    READY = "ready"
    LOADING = "loading"
    LOADED = "loaded"
    LOAD_FAILED = "load_failed"
    BUILDING = "building"
    BUILT = "built"
    BUILD_FAILED = "build_failed"
    HYDRATING = "hydrating"
    HYDRATED = "hydrated"
    GUARDED = "guarded"
    HYDRATE_FAILED = "hydrate_failed"
    PRUNED = "pruned"


# Event -> the states it may come from. Each move is one conditional UPDATE that names these.
RUN_MOVES: Final[Mapping[str, frozenset[RunStatus]]] = MappingProxyType(
    {
        "gate": frozenset({RunStatus.WAITING, RunStatus.REJECTED}),
        "load": frozenset({RunStatus.READY, RunStatus.LOAD_FAILED}),
        "build": frozenset(
            {
                RunStatus.LOADED,
                RunStatus.BUILT,
                RunStatus.HYDRATED,
                RunStatus.GUARDED,
                RunStatus.BUILD_FAILED,
                RunStatus.HYDRATE_FAILED,
            }
        ),
        "hydrate": frozenset(
            {RunStatus.BUILT, RunStatus.HYDRATED, RunStatus.GUARDED, RunStatus.HYDRATE_FAILED}
        ),
    }
)
# Runs whose rows lie in the raw tables, and those whose rows lie in the marts.
LOADED_STATES: Final = frozenset(
    {
        RunStatus.LOADED,
        RunStatus.BUILDING,
        RunStatus.BUILD_FAILED,
        RunStatus.BUILT,
        RunStatus.HYDRATING,
        RunStatus.HYDRATED,
        RunStatus.GUARDED,
        RunStatus.HYDRATE_FAILED,
    }
)


class FindingSeverity(models.TextChoices):
    """How much a finding matters."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class WorkflowStatus(models.TextChoices):
    """Where a signal stands in triage."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        """Tell whether somebody still has to do something."""
        return self not in {WorkflowStatus.RESOLVED, WorkflowStatus.CLOSED}


# What PATCH status may ask for; assigning and unassigning are acts of their own.
STATUS_MOVES: Final[Mapping[WorkflowStatus, frozenset[WorkflowStatus]]] = MappingProxyType(
    {
        WorkflowStatus.NEW: frozenset(),
        WorkflowStatus.ASSIGNED: frozenset({WorkflowStatus.IN_PROGRESS}),
        WorkflowStatus.IN_PROGRESS: frozenset({WorkflowStatus.ASSIGNED, WorkflowStatus.RESOLVED}),
        WorkflowStatus.RESOLVED: frozenset({WorkflowStatus.IN_PROGRESS, WorkflowStatus.CLOSED}),
        WorkflowStatus.CLOSED: frozenset(),
    }
)
ASSIGNABLE: Final = frozenset({WorkflowStatus.NEW, WorkflowStatus.ASSIGNED, WorkflowStatus.IN_PROGRESS})


class Resolution(models.TextChoices):
    """Why a signal was resolved; `data_absent` is the system's own."""

    NONE = ""
    FIXED = "fixed"
    MITIGATED = "mitigated"
    ACCEPTED = "accepted"
    FALSE_POSITIVE = "false_positive"
    DATA_ERROR = "data_error"
    DATA_ABSENT = "data_absent"


class EventType(models.TextChoices):
    """What the feed tells."""

    NEW_SIGNAL = "new_signal"
    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    DISAPPEARED = "disappeared"
    REAPPEARED = "reappeared"
    REOPENED = "reopened"
    ASSIGNMENT = "assignment"
    STATUS_CHANGE = "status_change"
    COMMENT = "comment"
    TECHNICAL_ERROR = "technical_error"


class SignalType(models.TextChoices):
    """The nine types of section 6."""

    SUSPECT_DATA = "suspect_data"
    BASELINE = "baseline"
    VOLATILITY_ALERT = "volatility_alert"
    CRITICAL_TRAJECTORY = "critical_trajectory"
    CHRONIC_UNDERPERFORMER = "chronic_underperformer"
    RECOVERING = "recovering"
    EMERGING_RISK = "emerging_risk"
    SUSTAINED_EXCELLENCE = "sustained_excellence"
    IMPROVING_LEADER = "improving_leader"


# The types marked A: somebody should look.
ATTENTION_TYPES: Final = frozenset(
    {
        SignalType.VOLATILITY_ALERT,
        SignalType.CRITICAL_TRAJECTORY,
        SignalType.CHRONIC_UNDERPERFORMER,
        SignalType.EMERGING_RISK,
    }
)


class HydrationTrigger(models.TextChoices):
    """Who asked for a hydration."""

    API = "api"
    COMMAND = "command"
    CLOCK = "clock"
    START = "start"


class DiffKind(models.TextChoices):
    """What a hydration does, or would do, to a signal."""

    CREATED = "created"
    CHANGED = "changed"
    VANISHED = "vanished"
    RETURNED = "returned"
    REOPENED = "reopened"
    AUTO_RESOLVED = "auto_resolved"
    SKIPPED = "skipped"
