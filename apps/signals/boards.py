"""What the triage board shows: its filters as they stand in the address, its rows, its figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import F
from django.http import QueryDict

from apps.accounts.permissions import Actor
from apps.signals.charts import spark_lines
from apps.signals.models import Signal
from apps.signals.page_tags import words
from apps.signals.queries.facets import Options, filter_options, summarize
from apps.signals.queries.listing import SORTS, Shown, show_signals, with_company
from apps.signals.queries.selections import ABSENCES, EXCLUDE, ME, NOBODY, Selection, select_signals
from apps.signals.states import ATTENTION_TYPES, SignalType

ROWS_PER_PAGE: Final = 50
SEARCH_MAX_CHARS: Final = 200
OPTIONS_SHOWN: Final = 100
# Filters of the board, in their order, as the address and the API call them.
TEXTS: Final = {
    "signal_type": "Type",
    "status": "Status",
    "domain": "Domain",
    "facility_id": "Facility",
    "service_line": "Service line",
}
# Filters whose values are codes of ours.
CODED: Final = frozenset({"signal_type", "status"})
ABSENT_LABELS: Final = {"exclude": "Present", "only": "Absent only", "include": "Both"}
SORT_LABELS: Final = (
    ("-severity", "Severity, worst first"),
    ("severity", "Severity, best first"),
    ("-first_detected_at", "Detected last"),
    ("-last_changed_at", "Changed last"),
    ("-variance_percent", "Variance, highest first"),
    ("-encounters", "Encounters, most first"),
    ("facility_name", "Facility"),
    ("metric_id", "Metric"),
)
DEFAULT_SORT: Final = SORT_LABELS[0][0]


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter; `count` is None where nobody counts it."""

    value: str
    label: str
    count: int | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """A filter of the board and what it can be set to."""

    name: str
    label: str
    options: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A signal of the board; `lines` are the polylines of its months."""

    shown: Shown
    title: str
    assignee: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Figure:
    """A type that asks for attention, and how many signals have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Board:
    """One page of the board."""

    page: Page[Signal]
    rows: Sequence[BoardRow]
    figures: Sequence[Figure]
    filters: Sequence[BoardFilter]
    sort: str
    search: str
    is_narrowed: bool


def open_board(actor: Actor, query: QueryDict, *, now: datetime) -> Board:
    """Return the board that an address asks for; what it says wrongly counts as not said."""
    selection = selection_in(query)
    sort = query.get("sort", "")
    sort = sort if sort in dict(SORT_LABELS) else DEFAULT_SORT
    rows = with_company(select_signals(actor, selection)).order_by(*_order(sort))
    page = Paginator(rows, ROWS_PER_PAGE).get_page(query.get("page"))
    counted = summarize(actor, selection)
    options = filter_options(actor, Selection(absent=selection.absent))
    return Board(
        page=page,
        rows=[_row(shown) for shown in show_signals(list(page), now=now)],
        figures=[Figure(kind, counted.by_type[kind]) for kind in _attention()],
        filters=_filters(options, query),
        sort=sort,
        search=selection.search,
        is_narrowed=selection != Selection(),
    )


def selection_in(query: QueryDict) -> Selection:
    """Return what the address selects."""
    absent = query.get("absent", "")
    assignee, graph = query.get("assignee", ""), query.get("graph", "")
    return Selection(
        texts={name: (value,) for name in TEXTS if (value := query.get(name, ""))},
        assignees=(assignee,) if assignee else (),
        graphs=(graph,) if graph else (),
        attention=True if query.get("attention") == "true" else None,
        absent=absent if absent in ABSENCES else EXCLUDE,
        search=query.get("search", "").strip()[:SEARCH_MAX_CHARS],
    )


def title_of(signal: Signal) -> str:
    """Return what a signal is called: its facility, and the part of it."""
    facility = signal.facility_name or signal.facility_id or signal.graph.name
    return f"{facility}: {signal.group_value}" if signal.dimensions else facility


def months_of(signal: Signal) -> list[float | None]:
    """Return the values of a signal's months, the earliest first."""
    return [month.get("value") for month in signal.timeline or ()]


def _row(shown: Shown) -> BoardRow:
    person = shown.workflow.assignee
    return BoardRow(
        shown=shown,
        title=title_of(shown.signal),
        assignee=person.name if person is not None else "",
        lines=spark_lines(months_of(shown.signal)),
    )


def _order(sort: str) -> list[Any]:
    """Return the order of a sort; missing values come last."""
    column = F(SORTS[sort.removeprefix("-")])
    if sort.startswith("-"):
        return [column.desc(nulls_last=True), "pk"]
    return [column.asc(nulls_last=True), "pk"]


def _attention() -> Iterable[str]:
    return (kind.value for kind in SignalType if kind in ATTENTION_TYPES)


def _filters(options: Mapping[str, Options], query: QueryDict) -> list[BoardFilter]:
    found = [_filter(name, label, options[name], query) for name, label in TEXTS.items()]
    found.append(_assignees(options["assignee"], query))
    if len(options["graph"].values) > 1:
        found.append(_filter("graph", "Graph", options["graph"], query))
    chosen = query.get("absent", "")
    absences = [Choice(value, ABSENT_LABELS[value], None, value == chosen) for value in ABSENCES[1:]]
    found.append(BoardFilter("absent", "Absent", absences))
    return found


def _filter(name: str, label: str, options: Options, query: QueryDict) -> BoardFilter:
    """Return a filter; a chosen value is there even where no signal has it any more."""
    chosen = query.get(name, "")
    name_of = words if name in CODED else str
    choices = [
        Choice(each.value, name_of(each.label), each.count, each.value == chosen)
        for each in options.values[:OPTIONS_SHOWN]
    ]
    if chosen and not any(choice.is_chosen for choice in choices):
        choices.append(Choice(chosen, name_of(chosen), None, is_chosen=True))
    return BoardFilter(name, label, choices)


def _assignees(options: Options, query: QueryDict) -> BoardFilter:
    chosen = query.get("assignee", "")
    counts = {each.value: each for each in options.values}
    nobody = counts.pop(NOBODY, None)
    choices = [
        Choice(ME, "Me", None, chosen == ME),
        Choice(NOBODY, "Nobody", nobody.count if nobody else 0, chosen == NOBODY),
        *(Choice(each.value, each.label, each.count, chosen == each.value) for each in counts.values()),
    ]
    return BoardFilter("assignee", "Assignee", choices)
