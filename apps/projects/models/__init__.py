"""The tables of projects.

Under Citus Ref, File, BlobFact, Symbol and ProposalFile are distributed by organization; the others stay on
the coordinator.
"""

from apps.projects.models.content import BlobFact, File, Manifest, Symbol
from apps.projects.models.job import CodeJob
from apps.projects.models.mirror import ArchivedTip, Credential, Mirror, MirrorRun, Ref
from apps.projects.models.project import Project, ProjectMember
from apps.projects.models.proposal import Application, Proposal, ProposalFile

__all__ = [
    "Application",
    "ArchivedTip",
    "BlobFact",
    "CodeJob",
    "Credential",
    "File",
    "Manifest",
    "Mirror",
    "MirrorRun",
    "Project",
    "ProjectMember",
    "Proposal",
    "ProposalFile",
    "Ref",
    "Symbol",
]
