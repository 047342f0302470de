"""What the lists of runs, their parts and hydrations can be narrowed by."""

from apps.common.db import JobStatus
from apps.common.filters import StrictFilterSet, any_text, id_of, one_of
from apps.signals.models import Hydration, HydrationDiff, Run, RunFile, RunFinding
from apps.signals.states import DiffKind, FindingSeverity, HydrationTrigger, RunStatus


class RunFilter(StrictFilterSet):
    """Runs by graph, status and the name of their folder."""

    graph = id_of("graph")
    status = one_of(RunStatus)
    run_id = any_text("run_id")

    class Meta:
        model = Run
        fields: list[str] = []


class RunFileFilter(StrictFilterSet):
    """Files by role."""

    role = any_text("role")

    class Meta:
        model = RunFile
        fields: list[str] = []


class RunFindingFilter(StrictFilterSet):
    """Findings by severity and code."""

    severity = one_of(FindingSeverity)
    code = any_text("code")

    class Meta:
        model = RunFinding
        fields: list[str] = []


class HydrationFilter(StrictFilterSet):
    """Hydrations by graph, run, status and trigger."""

    graph = id_of("graph")
    run = id_of("run")
    status = one_of(JobStatus)
    trigger = one_of(HydrationTrigger)

    class Meta:
        model = Hydration
        fields: list[str] = []


class HydrationDiffFilter(StrictFilterSet):
    """Rows of a diff by kind."""

    kind = one_of(DiffKind)

    class Meta:
        model = HydrationDiff
        fields: list[str] = []
