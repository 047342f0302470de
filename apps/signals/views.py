"""Pages of signals: the triage board, and one signal."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from apps.accounts.models import Membership
from apps.accounts.pages import PageRequest, page
from apps.accounts.permissions import Actor
from apps.signals import triage_services
from apps.signals.boards import SORT_LABELS, open_board, title_of
from apps.signals.models import Assignment, Comment, Event, Run, Signal, Workflow
from apps.signals.policies import role_types_of
from apps.signals.queries.assignees import WORK, with_open_count, working_members
from apps.signals.queries.detail import describe_signal, detailed_signals
from apps.signals.queries.listing import Shown
from apps.signals.states import ASSIGNABLE, STATUS_MOVES, WorkflowStatus
from apps.signals.stories import tell_story

ASSIGN: Final = "signals.assign"
COMMENTS_SHOWN: Final = 200
EVENTS_SHOWN: Final = 30
ASSIGNMENTS_SHOWN: Final = 20


@require_safe
@page("signals.view")
def board(request: PageRequest) -> HttpResponse:
    """Show the signals of the organization, the worst first, as the address narrows them."""
    context: dict[str, Any] = {"has_signals": Signal.objects.visible_to(request.actor).exists()}
    if context["has_signals"]:
        found = open_board(request.actor, request.GET, now=timezone.now())
        context |= {"board": found, "page": found.page, "sorts": SORT_LABELS}
    else:
        runs = Run.objects.visible_to(request.actor).select_related("graph")
        context["run"] = runs.in_run_order().last()
    return render(request, "signals/board.html", context)


@require_safe
@page("signals.view")
def signal_page(request: PageRequest, signal_id: uuid.UUID) -> HttpResponse:
    """Show one signal: what it is, why, what it is made of, where it comes from, and what people do."""
    actor, now = request.actor, timezone.now()
    signals: QuerySet[Signal] = detailed_signals() & Signal.objects.visible_to(actor)
    signal = get_object_or_404(signals, pk=signal_id)
    detail = describe_signal(signal, actor=actor, now=now)
    context = {
        "signal": signal,
        "shown": detail.shown,
        "why_matters": detail.why_matters,
        "title": title_of(signal),
        "story": tell_story(signal, now=now),
        "today": now.date(),
        **_triage(actor, signal, detail.shown),
    }
    return render(request, "signals/signal.html", context)


@dataclass(frozen=True, slots=True)
class Acts:
    """What the person may do with the signal as it stands."""

    assign: bool
    unassign: bool
    start: bool
    pause: bool
    resolve: bool
    close: bool


@dataclass(frozen=True, slots=True)
class ShownComment:
    """A comment with its author's name and its text as safe HTML."""

    row: Comment
    author: str
    html: SafeString


def _triage(actor: Actor, signal: Signal, shown: Shown) -> dict[str, Any]:
    """Return what people do with a signal, and may do."""
    workflow = shown.workflow
    acts = acts_of(actor, workflow)
    assignments = Assignment.objects.filter(signal=signal).select_related("assignee", "assigner")
    return {
        "workflow": workflow,
        "acts": acts,
        "assignees": assignees_for(actor, workflow) if acts.assign else (),
        "role_types": [role for role in role_types_of(actor.organization) if role.active],
        "resolutions": [(code.value, code.label) for code in triage_services.RESOLUTIONS],
        "assignments": assignments.order_by("-assigned_at", "-pk")[:ASSIGNMENTS_SHOWN],
        "comments": _comments(signal),
        "events": Event.objects.filter(signal=signal)
        .select_related("actor", "run")
        .order_by("-occurred_at", "-pk")[:EVENTS_SHOWN],
        "may_work": actor.may(WORK),
    }


def acts_of(actor: Actor, workflow: Workflow) -> Acts:
    """Return what the actor may do; the services decide again when it is done."""
    status = WorkflowStatus(workflow.status)
    may_assign = actor.may(ASSIGN)
    holds = actor.may(WORK) and (may_assign or triage_services.is_assignee(actor, workflow))
    moves = STATUS_MOVES[status]
    is_taken = status in ASSIGNABLE and status != WorkflowStatus.NEW
    return Acts(
        assign=(status == WorkflowStatus.NEW and actor.may(WORK)) or (is_taken and holds),
        unassign=status == WorkflowStatus.ASSIGNED and holds,
        start=holds and WorkflowStatus.IN_PROGRESS in moves,
        pause=holds and WorkflowStatus.ASSIGNED in moves,
        resolve=holds and WorkflowStatus.RESOLVED in moves,
        close=may_assign and WorkflowStatus.CLOSED in moves,
    )


def assignees_for(actor: Actor, workflow: Workflow) -> Sequence[Membership]:
    """Return whom the actor may give the signal to, the actor first; not who has it already."""
    members = with_open_count(working_members(actor.organization), actor.organization)
    found = members.exclude(user=workflow.assignee_id) if workflow.assignee_id else members
    if not actor.may(ASSIGN) and workflow.status == WorkflowStatus.NEW:
        found = found.filter(user=actor.person)
    mine = actor.person.pk if actor.person is not None else None
    return sorted(found.order_by("user__name", "pk"), key=lambda member: member.user_id != mine)


def _comments(signal: Signal) -> list[ShownComment]:
    rows = Comment.objects.filter(signal=signal).select_related("author")
    return [
        ShownComment(
            row=row,
            author=row.author.name if row.author is not None else "Somebody who left",
            html=SafeString("" if row.deleted_at else triage_services.rendered_comment(row.body)),
        )
        for row in rows.order_by("created_at", "pk")[:COMMENTS_SHOWN]
    ]
