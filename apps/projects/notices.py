"""What people are told of projects: names and ids only, never contents, addresses or git's own words.

What concerns a mirror goes to those in charge of the project, what concerns a job or a proposal to whoever
started it. All are called in the transaction of what they tell of; telling twice does nothing.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.services import notify
from apps.common.db import JobStatus
from apps.common.errors import iter_error_classes
from apps.common.notices import Level, NoticeKind
from apps.projects.models import CodeJob, Credential, MirrorRun, Project, Proposal
from apps.projects.queries.members import is_seen_by, people_in_charge

# Mirrors
SYNC_FAILED: Final = "projects.sync_failed"
AUTH_FAILED: Final = "projects.auth_failed"
CREDENTIAL_EXPIRING: Final = "projects.credential_expiring"
HISTORY_REWRITTEN: Final = "projects.history_rewritten"
BRANCH_MISSING: Final = "projects.branch_missing"
OVER_QUOTA: Final = "projects.over_quota"
# Jobs and proposals
JOB_FINISHED: Final = "projects.job_finished"
PROPOSAL_READY: Final = "projects.proposal_ready"
PROPOSAL_STALE: Final = "projects.proposal_stale"
PROPOSAL_APPLIED: Final = "projects.proposal_applied"

NOTICES: Final = (
    NoticeKind(name=SYNC_FAILED, title="The sync of a repository fails", level=Level.WARNING),
    NoticeKind(name=AUTH_FAILED, title="A repository refuses its credential", level=Level.WARNING),
    NoticeKind(name=CREDENTIAL_EXPIRING, title="A credential of a project expires", level=Level.WARNING),
    NoticeKind(
        name=HISTORY_REWRITTEN, title="The history of a repository was rewritten", level=Level.WARNING
    ),
    NoticeKind(name=BRANCH_MISSING, title="The branch that a project follows is gone", level=Level.WARNING),
    NoticeKind(name=OVER_QUOTA, title="A repository is larger than its quota", level=Level.WARNING),
    NoticeKind(name=JOB_FINISHED, title="A code job that you started has ended"),
    NoticeKind(name=PROPOSAL_READY, title="A rename that you asked for can be reviewed"),
    NoticeKind(name=PROPOSAL_STALE, title="A rename that you asked for no longer fits", level=Level.WARNING),
    NoticeKind(name=PROPOSAL_APPLIED, title="A rename that you asked for was applied"),
)
NAMES_SHOWN: Final = 3


# Mirrors


def tell_sync_failed(run: MirrorRun, *, code: str) -> None:
    """Tell those in charge that the first run of a streak failed, for the error of this code."""
    project = run.project
    _tell_those_in_charge(
        project,
        SYNC_FAILED,
        title=f"The sync of {project.name} fails",
        body=f"{describe_error(code)} The last good copy stays; the next tries follow by themselves.",
        happening=str(run.pk),
    )


def tell_auth_failed(run: MirrorRun) -> None:
    """Tell those in charge that the repository refuses the credential, or the lack of one."""
    project = run.project
    _tell_those_in_charge(
        project,
        AUTH_FAILED,
        title=f"The repository of {project.name} lets nobody in",
        body="It refuses the credential, or is gone. Nothing was deleted here; replace the credential.",
        happening=str(run.pk),
    )


def tell_history_rewritten(run: MirrorRun, *, refs: Sequence[str]) -> None:
    """Tell those in charge which refs were rewritten; their old tips stay readable."""
    project = run.project
    _tell_those_in_charge(
        project,
        HISTORY_REWRITTEN,
        title=f"History was rewritten in {project.name}",
        body=f"{_listed(refs)}. The commits from before stay readable as archived tips.",
        happening=str(run.pk),
    )


def tell_branch_missing(run: MirrorRun, *, branch: str) -> None:
    """Tell those in charge that the branch the project follows is gone from the repository."""
    project = run.project
    _tell_those_in_charge(
        project,
        BRANCH_MISSING,
        title=f"The branch that {project.name} follows is gone",
        body=f"{branch} was deleted or renamed. What was read last stays; choose another branch to go on.",
        happening=str(run.pk),
    )


def tell_over_quota(run: MirrorRun) -> None:
    """Tell those in charge that the repository does not fit any more."""
    project = run.project
    _tell_those_in_charge(
        project,
        OVER_QUOTA,
        title=f"The repository of {project.name} is larger than its quota",
        body="What was read last stays. The operators of this installation can raise the quota.",
        happening=str(run.pk),
    )


def tell_credential_expiring(credential: Credential, *, expires_at: dt.datetime, days: int) -> None:
    """Tell those in charge, once for each number of days, that a credential will be good for no longer."""
    project = credential.project
    _tell_those_in_charge(
        project,
        CREDENTIAL_EXPIRING,
        title=f"A credential of {project.name} expires in {days} days",
        body=f"{credential.label} is good until {expires_at:%Y-%m-%d}. It can be replaced in place.",
        happening=f"{credential.pk}:{expires_at:%Y-%m-%d}:{days}",
    )


# Jobs and proposals


def tell_job_finished(job: CodeJob) -> None:
    """Tell the starter that a code job ended, also that it failed; one they cancelled tells nobody."""
    if job.status == JobStatus.CANCELLED:
        return
    failed = job.status == JobStatus.FAILED
    what = f"{job.get_type_display().capitalize()} of {job.project.name}"
    _tell_starter(
        job,
        JOB_FINISHED,
        title=f"{what}: {'failed' if failed else 'ready'}",
        body=describe_error(job.error_code) if failed else f"The result is {job.outcome or 'complete'}.",
        level=Level.WARNING if failed else Level.INFO,
    )


def tell_analysis_failed(proposal: Proposal) -> None:
    """Tell the starter that a rename could not be analysed."""
    _tell_starter(
        proposal,
        JOB_FINISHED,
        title=f"The rename to {proposal.new_name} in {proposal.project.name} failed",
        body=describe_error(proposal.error_code),
        level=Level.WARNING,
    )


def tell_proposal_ready(proposal: Proposal) -> None:
    """Tell the starter that the analysis of a rename ended, and can be reviewed."""
    files = proposal.counts.get("files", 0)
    _tell_starter(
        proposal,
        PROPOSAL_READY,
        title=f"The rename to {proposal.new_name} can be reviewed",
        body=f"In {proposal.project.name}, {files} {'file' if files == 1 else 'files'}.",
    )


def tell_proposal_stale(proposal: Proposal) -> None:
    """Tell the starter that the code moved on below a proposal."""
    _tell_starter(
        proposal,
        PROPOSAL_STALE,
        title=f"The rename to {proposal.new_name} no longer fits",
        body=f"The code of {proposal.project.name} has changed since. The rename is looked at anew.",
    )


def tell_proposal_applied(proposal: Proposal) -> None:
    """Tell the starter that a proposal was applied."""
    _tell_starter(
        proposal,
        PROPOSAL_APPLIED,
        title=f"The rename to {proposal.new_name} was applied",
        body=f"In {proposal.project.name}, as commit {proposal.applied_commit[:12]}.",
    )


def describe_error(code: str) -> str:
    """Return the sentence of an error by its code, which never holds what git or a model said."""
    titles = (error.title() for error in iter_error_classes() if error.code == code)
    return next(titles, "Something unexpected went wrong.")


def _tell_those_in_charge(project: Project, kind: str, *, title: str, body: str, happening: str) -> None:
    for user in people_in_charge(project):
        _tell(user, project, kind, target=project, title=title, body=body, happening=happening)


def _tell_starter(
    row: CodeJob | Proposal, kind: str, *, title: str, body: str, level: Level | None = None
) -> None:
    """Tell whoever started something, if they still see the project."""
    project, user = row.project, row.created_by
    if user is not None and is_seen_by(project, user):
        _tell(user, project, kind, target=row, title=title, body=body, happening=str(row.pk), level=level)


def _tell(
    user: User,
    project: Project,
    kind: str,
    *,
    target: Project | CodeJob | Proposal,
    title: str,
    body: str,
    happening: str,
    level: Level | None = None,
) -> None:
    notify(
        user=user,
        kind=kind,
        title=title,
        body=body,
        level=level,
        organization=project.organization,
        target=target,
        page=_page_of(target),
        dedupe_key=f"{kind}:{happening}",
    )


def _page_of(target: Project | CodeJob | Proposal) -> str:
    """Return the path of the page about a row."""
    if isinstance(target, Project):
        return reverse("projects:project", args=[target.pk])
    name = "job" if isinstance(target, CodeJob) else "rename"
    return reverse(f"projects:{name}", args=[target.project_id, target.pk])


def _listed(names: Sequence[str]) -> str:
    shown, more = ", ".join(names[:NAMES_SHOWN]), len(names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
