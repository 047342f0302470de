"""The tables of signals.

Under Citus every `signals_*` table is distributed by organization_id and co-located. The raw tables and what
dbt makes are keyed by run and stay local; they have no models: `storage` writes and reads them by name.
"""

from apps.signals.models.build import DbtBuild, DbtModel, DbtResult
from apps.signals.models.graph import Graph
from apps.signals.models.hydration import Hydration, HydrationDiff
from apps.signals.models.policy import MetricPolicy, Policy, RoleType
from apps.signals.models.run import Edge, Node, Run, RunFile, RunFinding, RunLoad
from apps.signals.models.signal import CONTENT_COLUMNS, Observation, Signal
from apps.signals.models.triage import (
    Annotation,
    Assignment,
    Comment,
    Event,
    EventRead,
    ReadMark,
    Workflow,
)

__all__ = [
    "CONTENT_COLUMNS",
    "Annotation",
    "Assignment",
    "Comment",
    "DbtBuild",
    "DbtModel",
    "DbtResult",
    "Edge",
    "Event",
    "EventRead",
    "Graph",
    "Hydration",
    "HydrationDiff",
    "MetricPolicy",
    "Node",
    "Observation",
    "Policy",
    "ReadMark",
    "RoleType",
    "Run",
    "RunFile",
    "RunFinding",
    "RunLoad",
    "Signal",
    "Workflow",
]
