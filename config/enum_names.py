"""How choices are called in the OpenAPI document where their field's name alone would not tell them apart."""

from typing import Final

_PROJECTS: Final = (
    "Bucket",
    "CodeJobType",
    "Completeness",
    "Decision",
    "Engine",
    "FileKind",
    "ManifestState",
    "MemberRole",
    "MirrorState",
    "ProposalState",
    "RefKind",
    "RenameKind",
    "RenameMode",
    "RunKind",
    "RunOutcome",
    "RunTrigger",
    "SyncMode",
    "Visibility",
)
# What has no class of choices behind it where it is declared.
_LISTS: Final = {
    "CredentialKind": ["https"],
    "JobCompleteness": ["complete", "partial", "refused"],
    "MirrorRunFound": ["changed", "unchanged", "empty", "held", "reachable", "sound", "missing"],
    "WorkingEngine": ["structural", "external"],
}
ENUM_NAMES: Final = {
    "ComparedStatus": "apps.projects.reading.changes.ChangeStatus",
    "ImportMode": "apps.datasets.states.ImportMode",
    "SourceKind": "apps.datasets.states.SourceKind",
    "ImportSourceKind": "apps.datasets.states.SourceOf",
    "ForecastModelState": "apps.spatial.states.ModelState",
    "ForecastPeriod": "apps.spatial.states.Period",
    "ForecastMethod": "apps.spatial.states.Method",
    "JobStatus": "apps.common.db.JobStatus",
    "MetricType": "apps.metrics.metric_types.MetricType",
    "OrganizationRole": "apps.accounts.models.organization.Role",
    "PreviewStatus": "apps.previews.states.SessionStatus",
    "PreviewUploadStep": "apps.previews.states.UploadStep",
    "RunStatus": "apps.signals.states.RunStatus",
    "SignalHydrationTrigger": "apps.signals.states.HydrationTrigger",
    "WorkflowStatus": "apps.signals.states.WorkflowStatus",
    **_LISTS,
    **{f"Project{name}": f"apps.projects.states.{name}" for name in _PROJECTS},
}
