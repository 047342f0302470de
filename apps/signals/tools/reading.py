"""Tools that read signals."""

import hashlib
import uuid
from typing import Annotated, Final, Literal

import msgspec
from django.db.models import QuerySet

from apps.accounts.permissions import Actor
from apps.common.errors import NotFound
from apps.common.pagination import Cursor, SortKey, decode_cursor, encode_cursor
from apps.common.tools import Arguments, CursorText, PageSize, newest_first
from apps.signals.models import Run, Signal
from apps.signals.queries.detail import detailed_signals
from apps.signals.queries.listing import DEFAULT_SORT, SORTS
from apps.signals.queries.pages import MissingLast, fetch_page
from apps.signals.queries.selections import EXCLUDE, Selection
from apps.signals.states import RunStatus, SignalType, WorkflowStatus
from apps.signals.tools.facts import (
    RunPage,
    SignalDetail,
    SignalPage,
    detail_of,
    facts_of,
    run_facts,
)

VALUES_MAX: Final = 50

SignalId = Annotated[uuid.UUID, msgspec.Meta(description="The signal's id.")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]
Texts = Annotated[list[Text], msgspec.Meta(max_length=VALUES_MAX, description="Any of these; empty for all.")]
SortText = Annotated[
    str,
    msgspec.Meta(pattern=f"^-?({'|'.join(SORTS)})$", description="A field to sort by; `-` for descending."),
]


class SignalsWanted(Arguments):
    """Which signals to list."""

    search: Annotated[
        str, msgspec.Meta(max_length=200, description="Words in description or place, or how they begin.")
    ] = ""
    domain: Texts = []
    facility_id: Texts = []
    service_line: Texts = []
    metric_id: Texts = []
    signal_type: Annotated[list[SignalType], msgspec.Meta(max_length=VALUES_MAX)] = []
    status: Annotated[list[WorkflowStatus], msgspec.Meta(max_length=VALUES_MAX)] = []
    assignee: Annotated[
        str, msgspec.Meta(max_length=36, description="The id of a member, `me` or `none`; empty for all.")
    ] = ""
    attention: Annotated[
        bool | None, msgspec.Meta(description="true for types that somebody should look at.")
    ] = None
    severity_min: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    absent: Annotated[
        Literal["exclude", "only", "include"], msgspec.Meta(description="Those that the newest run lacks.")
    ] = "exclude"
    sort: SortText = DEFAULT_SORT
    page_size: PageSize = 50
    cursor: CursorText = ""


class SignalNamed(Arguments):
    """One signal."""

    id: SignalId


class RunsWanted(Arguments):
    """Which runs to list."""

    graph: Annotated[str, msgspec.Meta(max_length=255, description="The name of a graph.")] = ""
    status: RunStatus | None = None
    page_size: PageSize = 50
    cursor: CursorText = ""


def list_signals(actor: Actor, wanted: SignalsWanted) -> SignalPage:
    """Return one page of the signals that are wanted; raises CursorInvalid."""
    column, is_descending = SORTS[wanted.sort.removeprefix("-")], wanted.sort.startswith("-")
    keys: list[SortKey] = [MissingLast(column, is_descending), SortKey("pk", is_descending)]
    scope = _scope(actor, wanted)
    cursor = decode_cursor(wanted.cursor, scope, len(keys)) if wanted.cursor else None
    rows = fetch_page(actor, _selection(wanted), keys, cursor, wanted.page_size + 1)
    page, next_cursor = rows[: wanted.page_size], None
    if len(rows) > len(page):
        next_cursor = encode_cursor(Cursor((getattr(page[-1], column), page[-1].pk)), scope)
    return SignalPage(signals=facts_of(page), next_cursor=next_cursor)


def get_signal(actor: Actor, named: SignalNamed) -> SignalDetail:
    """Return one signal with everything; raises NotFound."""
    return detail_of(found_signal(actor, named.id))


def list_runs(actor: Actor, wanted: RunsWanted) -> RunPage:
    """Return one page of the organization's runs, the newest first."""
    rows = Run.objects.visible_to(actor).select_related("graph")
    if wanted.graph:
        rows = rows.filter(graph__name=wanted.graph)
    if wanted.status is not None:
        rows = rows.filter(status=wanted.status)
    page, next_cursor = newest_first(rows, cursor=wanted.cursor, page_size=wanted.page_size)
    return RunPage(runs=[run_facts(row) for row in page], next_cursor=next_cursor)


def visible_signals(actor: Actor) -> QuerySet[Signal]:
    """Return the signals that the actor sees, with what is shown of them."""
    return detailed_signals().filter(organization=actor.organization).select_related("organization")


def found_signal(actor: Actor, signal_id: uuid.UUID) -> Signal:
    """Return a signal that the actor sees; raises NotFound."""
    row = visible_signals(actor).filter(pk=signal_id).first()
    if row is None:
        raise NotFound("There is no such signal.")
    return row


def _selection(wanted: SignalsWanted) -> Selection:
    """Return what the arguments select."""
    named = ("domain", "facility_id", "service_line", "metric_id", "signal_type", "status")
    texts = {name: tuple(map(str, getattr(wanted, name))) for name in named if getattr(wanted, name)}
    bounds = {} if wanted.severity_min is None else {"severity__gte": wanted.severity_min}
    return Selection(
        texts=texts,
        bounds=bounds,
        assignees=(wanted.assignee,) if wanted.assignee else (),
        attention=wanted.attention,
        absent=wanted.absent or EXCLUDE,
        search=wanted.search.strip(),
    )


def _scope(actor: Actor, wanted: SignalsWanted) -> str:
    """Return what a cursor is bound to: who lists what, in which order."""
    bound = msgspec.structs.replace(wanted, cursor="", page_size=1)
    content = msgspec.json.encode(["signals_list", actor.organization.pk, bound])
    return hashlib.sha256(content).hexdigest()
