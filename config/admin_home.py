"""What operators see first in the admin: how each part is, and what waits in each queue."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from allauth.account.authentication import get_authentication_records
from django.contrib import auth
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from apps.common import probes
from apps.common.db import JobStatus
from apps.common.jobs import iter_kinds
from apps.common.jobs.queues import QUEUES
from apps.common.probes import Finding, Status
from config.admin_audit import AuditedAdminSite

# Staff prove anew who they are after this, however long the page's cookie goes on.
STAFF_SESSION: Final = dt.timedelta(hours=12)


class OperationsSite(AuditedAdminSite):
    """The admin with its home page, for staff who signed in today."""

    index_template = "admin/home.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Let in staff who signed in within 12 hours."""
        return super().has_permission(request) and signed_in_at(request) > timezone.now() - STAFF_SESSION

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send to the sign-in; out first, who is in for too long: it would send them straight back."""
        if super().has_permission(request) and not self.has_permission(request):
            auth.logout(request)
        return super().login(request, extra_context)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show health and queues above the tables."""
        found = {"home": look_around(), "jobs_url": _jobs_url()}
        return super().index(request, {**found, **(extra_context or {})})


@dataclass(slots=True)
class QueueState:
    """What one queue holds; `dead` counts what failed and was neither retried nor discarded."""

    name: str
    waiting: int = 0
    running: int = 0
    dead: int = 0
    oldest_at: dt.datetime | None = None

    def add(self, row: dict[str, Any]) -> None:
        """Add the counts of one kind."""
        self.waiting += row["waiting"]
        self.running += row["running"]
        self.dead += row["dead"]
        times = [at for at in (self.oldest_at, row["oldest_at"]) if at is not None]
        self.oldest_at = min(times, default=None)


@dataclass(frozen=True, slots=True)
class PartState:
    """One part of the installation in words."""

    name: str
    status: Status
    latency_ms: float
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Home:
    """The whole page."""

    status: Status
    parts: tuple[PartState, ...]
    queues: tuple[QueueState, ...]

    @property
    def dead(self) -> int:
        """Return the number of dead letters in all queues."""
        return sum(queue.dead for queue in self.queues)


def look_around() -> Home:
    """Return the state of everything. Runs the probes, at most every 10 s, and a query per kind of job."""
    findings = probes.run_probes()
    return Home(
        status=probes.verdict(findings, probes.required_by("web")),
        parts=tuple(_part(finding) for finding in findings),
        queues=tuple(queue_states()),
    )


def queue_states() -> Iterable[QueueState]:
    """Return the state of each queue, in the order of section 13. Issues a query per kind."""
    states = {name: QueueState(name) for name in QUEUES}
    is_waiting = Q(status=JobStatus.QUEUED)
    is_dead = Q(status=JobStatus.FAILED, discarded_at__isnull=True)
    for kind in iter_kinds():
        rows = kind.rows.filter(is_waiting | is_dead | Q(status=JobStatus.RUNNING))
        is_due = is_waiting & (Q(run_after__isnull=True) | Q(run_after__lte=timezone.now()))
        counted = (
            rows.order_by("queue")
            .values("queue")
            .annotate(
                waiting=Count("pk", filter=is_waiting),
                running=Count("pk", filter=Q(status=JobStatus.RUNNING)),
                dead=Count("pk", filter=is_dead),
                oldest_at=Min("queued_at", filter=is_due),
            )
        )
        for row in counted:
            states.setdefault(row["queue"], QueueState(row["queue"])).add(row)
    return states.values()


def signed_in_at(request: HttpRequest) -> dt.datetime:
    """Return when the session's user last proved who they are, in this session if that is known."""
    user: Any = request.user
    times = [float(proof["at"]) for proof in get_authentication_records(request, user) if "at" in proof]
    if times:
        return dt.datetime.fromtimestamp(max(times), dt.UTC)
    return getattr(user, "last_login", None) or dt.datetime.min.replace(tzinfo=dt.UTC)


def _jobs_url() -> str:
    try:
        return reverse("admin:accounts_job_changelist")
    except NoReverseMatch:
        return ""


def _part(finding: Finding) -> PartState:
    facts = tuple(_fact(name, value) for name, value in finding.facts.items() if value not in ("", None, []))
    return PartState(finding.name, finding.status, finding.latency_ms, facts)


def _fact(name: str, value: Any) -> str:
    """Return a fact as people read it: the unit in its name goes behind the number."""
    if name.endswith("_bytes"):
        return f"{name.removesuffix('_bytes').replace('_', ' ')} {filesizeformat(value)}"
    if name.endswith("_s"):
        return f"{name.removesuffix('_s').replace('_', ' ')} {value} s"
    return f"{name.replace('_', ' ')} {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(intcomma(value))
    if isinstance(value, dict):
        return ", ".join(_fact(name, inner) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
