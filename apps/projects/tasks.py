"""The jobs of projects, and what follows when one ends.

A worker may die between the end of a job and what follows: the rows are the truth, and the clock asks again.
"""

from apps.projects.documenting.job import run_code_job
from apps.projects.models import Application, Proposal
from apps.projects.proposing.analysing import run_rename
from apps.projects.proposing.applying import run_apply
from apps.projects.proposing.settling import settle_analysis, settle_application

__all__ = ["run_apply", "run_code_job", "run_rename"]


# Proposals


@run_rename.on_end
def follow_analysis(row: Proposal) -> None:
    """Settle the state of a proposal whose analysis has ended."""
    settle_analysis(row)


@run_apply.on_end
def follow_application(row: Application) -> None:
    """Settle the state of a proposal whose application has ended."""
    settle_application(row)
