"""Which signals a list, a sum, a page or a tool is about: section 8's filters, whoever asks."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.contrib.postgres.search import SearchVector
from django.db.models import BooleanField, Exists, Func, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.expressions import Combinable

from apps.accounts.permissions import Actor
from apps.signals.models import Observation, Signal
from apps.signals.models.signal import SEARCHED
from apps.signals.states import ATTENTION_TYPES, SignalType

Bound = int | float | date | datetime

# Filter -> column, of those that take any of several texts.
TEXT_COLUMNS: Final[Mapping[str, str]] = {
    "domain": "domain",
    "facility_id": "facility_id",
    "facility_name": "facility_name",
    "system_name": "system_name",
    "service_line": "service_line",
    "sub_service_line": "sub_service_line",
    "metric_id": "metric_id",
    "node_id": "node_id",
    "groupby_label": "groupby_label",
    "signal_type": "signal_type",
    "status": "workflow__status",
    "role_type": "workflow__role_type",
}
# Those of the workflow.
_WORKED: Final = ("status", "role_type")
RANGED: Final = (
    "severity",
    "variance_percent",
    "percentile_rank",
    "data_period",
    "first_detected_at",
)
BOUNDS: Final = ("gte", "gt", "lt", "lte")
EXCLUDE, ONLY, INCLUDE = "exclude", "only", "include"
ABSENCES: Final = (EXCLUDE, ONLY, INCLUDE)
ME, NOBODY = "me", "none"


@dataclass(frozen=True, slots=True)
class Selection:
    """What signals are narrowed to. Several values of one filter mean any of them; None and () mean all.

    texts: filter of TEXT_COLUMNS -> values; bounds: `severity__gte` and its like; graphs: names or ids;
    assignees: ids, `me`, `none`; runs: ids of runs that observed the signal; absent: exclude, only, include.
    """

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    graphs: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    quality_flags: tuple[str, ...] = ()
    runs: tuple[uuid.UUID, ...] = ()
    attention: bool | None = None
    classification_agrees: bool | None = None
    absent: str = EXCLUDE
    search: str = ""


def select_signals(
    actor: Actor, selection: Selection, *, has_index_of_words: bool = True
) -> QuerySet[Signal]:
    """Return the actor's signals that a selection names, in no order; issues no query.

    has_index_of_words: False where the rows are found by other means, and `search` only looks at these.
    """
    found = Signal.objects.visible_to(actor)
    conditions = [
        *(Q(**{f"{TEXT_COLUMNS[name]}__in": values}) for name, values in selection.texts.items() if values),
        *(Q(**{name: value}) for name, value in selection.bounds.items()),
        *_conditions_of_relations(actor, selection),
        *_conditions_of_states(selection),
    ]
    found = found.filter(*conditions)
    if not selection.search:
        return found
    return found.filter(_has_words(selection.search, has_index=has_index_of_words))


def selected_types(selection: Selection) -> frozenset[str]:
    """Return the types that a selection names, none if it takes all."""
    named = frozenset(selection.texts.get("signal_type", ()))
    if selection.attention is None:
        return named
    wanted = frozenset(SignalType.values) & ATTENTION_TYPES
    if not selection.attention:
        wanted = frozenset(SignalType.values) - ATTENTION_TYPES
    return named & wanted if named else wanted


def _conditions_of_relations(actor: Actor, selection: Selection) -> list[Any]:
    found: list[Any] = []
    if any(selection.texts.get(name) for name in _WORKED):
        # Else no index of workflows would be used: all of them begin with the organization.
        found.append(Q(workflow__organization=actor.organization))
    if selection.graphs:
        found.append(_is_of_graph(selection.graphs))
    if selection.assignees:
        found.append(_is_assigned_to(actor, selection.assignees))
    if selection.runs:
        observed = Observation.objects.filter(
            organization=OuterRef("organization"), signal=OuterRef("pk"), run__in=selection.runs
        )
        found.append(Exists(observed))
    return found


def _conditions_of_states(selection: Selection) -> list[Q]:
    found = []
    if selection.quality_flags:
        found.append(Q(quality_flags__overlap=list(selection.quality_flags)))
    if selection.attention is not None:
        needs = Q(signal_type__in=sorted(ATTENTION_TYPES))
        found.append(needs if selection.attention else ~needs)
    if selection.classification_agrees is not None:
        found.append(Q(classification_agrees=selection.classification_agrees))
    if selection.absent != INCLUDE:
        found.append(Q(absent_since_run__isnull=selection.absent == EXCLUDE))
    return found


def _is_of_graph(graphs: tuple[str, ...]) -> Q:
    """Return the condition on graphs by name or id: a name may not look like an id of another graph."""
    ids = [found for found in map(_as_uuid, graphs) if found is not None]
    return Q(graph__name__in=graphs) | Q(graph__in=ids)


def _is_assigned_to(actor: Actor, assignees: tuple[str, ...]) -> Q:
    """Return the condition on who has a signal; `me` of a program is whoever made its key."""
    person = actor.person
    ids = [found for found in map(_as_uuid, assignees) if found is not None]
    if ME in assignees and person is not None:
        ids.append(person.pk)
    condition = Q(workflow__assignee__in=ids)
    return condition | Q(workflow__assignee__isnull=True) if NOBODY in assignees else condition


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


class _PrefixQuery(Func):
    """A text's words as a tsquery of prefixes: what somebody types is seldom finished."""

    # PostgreSQL's own reading of the text comes out as quoted lexemes, so nothing in it acts as an operator.
    template = (
        "nullif(replace(plainto_tsquery('simple', %(expressions)s)::text || ':*', ' & ', ':* & '), ':*')"
        "::tsquery"
    )
    output_field = TextField()


class _Matches(Func):
    """Whether a tsvector holds what a tsquery asks for."""

    arg_joiner = " @@ "
    template = "(%(expressions)s)"
    output_field = BooleanField()


def _has_words(text: str, *, has_index: bool) -> Combinable:
    """Return the condition on words; its vector is to the letter what the index `signals_by_words` holds.

    Without the index it is another expression on purpose: PostgreSQL takes words for rarer than they are, and
    would rather read all rows that have them than the few that are asked about.
    """
    vector: Combinable = SearchVector(*SEARCHED, config="simple")
    return _Matches(vector if has_index else Func(vector, function="strip"), _PrefixQuery(Value(text)))
