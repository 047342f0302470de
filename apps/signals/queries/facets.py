"""Sums over a selection of signals: by state, by value of each field, by facility.

Each is one statement over the columns of the index `signals_by_facets`. Fields that say nearly the same (a
node names a metric, a metric its domain) are grouped together and told apart here: to group a hundred
thousand rows by each field would take several times as long. Of all signals the counts of what hydrations
write are kept until the next one; what people change is counted each time.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from psycopg import sql

from apps.accounts.models import User
from apps.accounts.permissions import Actor
from apps.signals.models import Graph, RoleType, Signal
from apps.signals.queries.kept_counts import kept_counts
from apps.signals.queries.metric_names import names_of
from apps.signals.queries.relations import Record, read_records, room_to_group
from apps.signals.queries.selections import NOBODY, Selection, select_signals
from apps.signals.states import ATTENTION_TYPES, SignalType, WorkflowStatus

VALUES_MAX: Final = 500
# Fields that are grouped together; the first of each is in no other group.
_GROUPS: Final = (
    ("node_id", "graph_id", "domain", "metric_id", "groupby_label"),
    ("facility_id", "facility_name", "system_name"),
    ("service_line", "sub_service_line"),
    ("signal_type", "quality_flags"),
)
_STORED: Final = tuple(name for group in _GROUPS for name in group)
OPTION_FIELDS: Final = (
    "graph", "domain", "facility_id", "facility_name", "system_name", "service_line", "sub_service_line",
    "metric_id", "node_id", "groupby_label", "signal_type", "status", "assignee", "role_type",
    "quality_flag",
)  # fmt: skip

# A new signal is nobody's: only the others are joined, which are few.
_WORKED: Final = (
    "(SELECT signal_id, status, assignee_id, role_type FROM signals_workflow"
    " WHERE organization_id = %(organization)s"
    " AND status IN ('assigned', 'in_progress', 'resolved', 'closed')) AS worked"
)
_TOLD: Final = (
    "(SELECT found.*, coalesce(worked.status, 'new') AS status"
    " FROM ({rows} OFFSET 0) AS found LEFT JOIN {worked} ON worked.signal_id = found.id) AS told"
)
_SUMMARY: Final = (
    "SELECT signal_type, domain, status, count(*) AS count FROM {told} GROUP BY signal_type, domain, status"
)
_FACILITIES: Final = (
    "SELECT facility_id, max(facility_name) AS name, max(system_name) AS system_name, count(*) AS count,"
    " count(*) FILTER (WHERE signal_type = ANY(%(attention)s)) AS attention_count,"
    " count(*) FILTER (WHERE status NOT IN ('resolved', 'closed')) AS open_count,"
    " max(severity) AS worst_severity FROM {told} WHERE facility_id IS NOT NULL GROUP BY facility_id"
)
_OPTIONS: Final = (
    "SELECT grouping({firsts}) AS grouped, {columns}, count(*) AS count FROM ({rows} OFFSET 0) AS told"
    " GROUP BY GROUPING SETS ({groups})"
)
# Without OFFSET: few workflows lead to few signals.
_STATES: Final = (
    "SELECT worked.status, worked.assignee_id, worked.role_type, count(*) AS count"
    " FROM ({rows}) AS found JOIN {worked} ON worked.signal_id = found.id GROUP BY 1, 2, 3"
)


@dataclass(frozen=True, slots=True)
class Summary:
    """How many signals a selection has, by type, domain and status; types and statuses are all there."""

    count: int
    attention_count: int
    by_type: Mapping[str, int]
    by_domain: Mapping[str, int]
    by_status: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Option:
    """A value that a filter can take, how it is called, and how many signals have it."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Options:
    """The values of one filter, those of most signals first."""

    values: Sequence[Option]
    truncated: bool


@dataclass(frozen=True, slots=True)
class FacilityCount:
    """A facility with its signals; `worst_severity` is the highest of them."""

    facility_id: str
    name: str | None
    system_name: str | None
    count: int
    attention_count: int
    open_count: int
    worst_severity: int


@dataclass(frozen=True, slots=True)
class FacilityCounts:
    """The facilities of a selection, the worst first."""

    facilities: Sequence[FacilityCount]
    truncated: bool


def summarize(actor: Actor, selection: Selection) -> Summary:
    """Return how many signals a selection has, by state. Issues two queries."""
    columns = ("id", "signal_type", "domain")
    by_type: Counter[str] = Counter(dict.fromkeys(SignalType.values, 0))
    by_status: Counter[str] = Counter(dict.fromkeys(WorkflowStatus.values, 0))
    by_domain: Counter[str] = Counter()
    for row in _read(_SUMMARY, actor, selection, columns):
        by_type[row["signal_type"]] += row["count"]
        by_status[row["status"]] += row["count"]
        by_domain[row["domain"]] += row["count"]
    return Summary(
        count=sum(by_type.values()),
        attention_count=sum(by_type[name] for name in ATTENTION_TYPES),
        by_type=dict(by_type),
        by_domain=dict(sorted(by_domain.items())),
        by_status=dict(by_status),
    )


def count_facilities(actor: Actor, selection: Selection) -> FacilityCounts:
    """Return the facilities of a selection, at most VALUES_MAX. Issues two queries."""
    columns = ("id", "facility_id", "facility_name", "system_name", "signal_type", "severity")
    found = [
        FacilityCount(**row)
        for row in _read(_FACILITIES, actor, selection, columns, attention=sorted(ATTENTION_TYPES))
    ]
    found.sort(key=lambda row: (-row.worst_severity, -row.attention_count, row.facility_id))
    return FacilityCounts(found[:VALUES_MAX], truncated=len(found) > VALUES_MAX)


def filter_options(actor: Actor, selection: Selection) -> dict[str, Options]:
    """Return the values of each filter of OPTION_FIELDS within a selection.

    Issues at most ten queries; eight for all signals, as long as no hydration changes any.
    """
    rows = kept_counts(actor, selection, lambda: _stored_counts(actor, selection))
    counts = _counts_of_fields(rows)
    _count_states(counts, _read(_STATES, actor, selection, ("id",)))
    labels = _labels(actor, rows, counts)
    return {name: _options(counts[name], labels.get(name, {})) for name in OPTION_FIELDS}


def _stored_counts(actor: Actor, selection: Selection) -> list[Record]:
    """Return how many signals have which values of _STORED, by group."""
    groups = [sql.SQL("({})").format(_names(group)) for group in _GROUPS]
    return _read(
        _OPTIONS,
        actor,
        selection,
        ("id", *_STORED),
        names={
            "firsts": _names(group[0] for group in _GROUPS),
            "columns": _names(_STORED),
            "groups": sql.SQL(", ").join(groups),
        },
    )


def _read(
    statement: str,
    actor: Actor,
    selection: Selection,
    columns: Sequence[str],
    *,
    names: Mapping[str, sql.Composable] | None = None,
    **parameters: Any,
) -> list[Record]:
    """Return the rows of a statement over `columns` of a selection; none if it can have none."""
    rows: QuerySet[Signal] = select_signals(actor, selection)
    try:
        inner, values = rows.values_list(*columns).query.sql_with_params()
    except EmptyResultSet:
        return []
    # Django's statement counts its parameters, ours names them.
    numbered = {f"p{number}": value for number, value in enumerate(values)}
    first, *others = inner.split("%s")
    inner = first + "".join(f"%({name})s{text}" for name, text in zip(numbered, others, strict=True))
    bound = {"organization": actor.organization.pk, **parameters, **numbered}
    parts = {"rows": sql.SQL(inner), "worked": sql.SQL(_WORKED)}
    told = sql.SQL(_TOLD).format(**parts)
    with room_to_group():
        return read_records(statement, bound, told=told, **parts, **(names or {}))


def _names(names: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _counts_of_fields(rows: Iterable[Record]) -> dict[str, Counter[Any]]:
    """Return how many signals have each value, by field."""
    counts: dict[str, Counter[Any]] = {name: Counter() for name in OPTION_FIELDS}
    # In `grouped` the bit of the group that a row is of is 0, the others are 1; the first group's is highest.
    bits = {
        (1 << len(_GROUPS)) - 1 - (1 << (len(_GROUPS) - 1 - number)): group
        for number, group in enumerate(_GROUPS)
    }
    for row in rows:
        for column in bits[row["grouped"]]:
            _count(counts, column, row[column], row["count"])
    return counts


def _count(counts: Mapping[str, Counter[Any]], column: str, value: Any, count: int) -> None:
    if column == "quality_flags":
        counts["quality_flag"].update(dict.fromkeys(value or (), count))
    elif value is not None:
        counts[column.removesuffix("_id") if column == "graph_id" else column][value] += count


def _count_states(counts: Mapping[str, Counter[Any]], rows: Iterable[Record]) -> None:
    """Count who has the signals that are no longer new, and all others as new and nobody's."""
    new = counts["signal_type"].total()
    for row in rows:
        new -= row["count"]
        counts["status"][row["status"]] += row["count"]
        counts["assignee"][row["assignee_id"] or NOBODY] += row["count"]
        if row["role_type"] is not None:
            counts["role_type"][row["role_type"]] += row["count"]
    if new > 0:
        counts["status"][WorkflowStatus.NEW.value] += new
        counts["assignee"][NOBODY] += new


def _labels(
    actor: Actor, rows: Sequence[Record], counts: Mapping[str, Counter[Any]]
) -> dict[str, Mapping[Any, str]]:
    """Return how values are called, of the fields in which they are called otherwise than they are."""
    metrics = {(row["graph_id"], row["metric_id"]) for row in rows if row["graph_id"] is not None}
    people: set[uuid.UUID] = set(counts["assignee"]) - {NOBODY}
    return {
        "graph": dict(Graph.objects.visible_to(actor).values_list("pk", "name")),
        "facility_id": {row["facility_id"]: row["facility_name"] for row in rows if row["facility_name"]},
        "metric_id": {metric: name for (_, metric), name in names_of(metrics).items()},
        "assignee": dict(User.objects.filter(pk__in=people).values_list("pk", "name")),
        "role_type": dict(RoleType.objects.visible_to(actor).values_list("code", "label")),
    }


def _options(counts: Counter[Any], labels: Mapping[Any, str]) -> Options:
    found = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    values = [
        Option(str(value), labels.get(value) or str(value), count) for value, count in found[:VALUES_MAX]
    ]
    return Options(values, truncated=len(found) > VALUES_MAX)
