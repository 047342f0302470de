"""What programs and models reach of metrics over MCP."""

import math
import time
import uuid
from typing import Annotated, Any, Final

import msgspec
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.common import throttles
from apps.common.errors import FieldError, Invalid, named_by_pointer
from apps.common.tools import (
    Arguments,
    CursorText,
    Instant,
    NextCursor,
    PageSize,
    Resource,
    Result,
    Tool,
    newest_first,
)
from apps.metrics.calendar.windows import NOW, Moment, parse_moment
from apps.metrics.catalog import policy_of
from apps.metrics.doors.native.sending import Call, read_sending
from apps.metrics.doors.windows import window_at
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric
from apps.metrics.points.names import KEY_MAX_BYTES, TAG_MAX_CHARS
from apps.metrics.queries import catalogue
from apps.metrics.queries.aggregations import MAX_AGGREGATIONS
from apps.metrics.queries.catalogue import DescribedMetric, describe, describe_page
from apps.metrics.queries.filling import Fill
from apps.metrics.queries.patterns import MAX_CHARACTERS, matching
from apps.metrics.queries.selection import MAX_GROUP_TAGS
from apps.metrics.queries.series import Series, SeriesQuery, answer_query
from apps.metrics.recording import Mode, record_points
from apps.metrics.storage.partitions import instant_of

LIMIT: Final = "points"
POINTS_MAX: Final = 1_000
METRICS_MAX: Final = 100
PATTERNS_MAX: Final = 10

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=KEY_MAX_BYTES)]
Patterns = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CHARACTERS)]],
    msgspec.Meta(
        max_length=PATTERNS_MAX,
        description="Patterns such as `cpu.*.load;host=web*`: `*` `?` `[a-z]` `{a,b}` inside a part between"
        " dots, `**` across; `;*` for any tags, else untagged metrics only.",
    ),
]
MomentText = Annotated[
    str, msgspec.Meta(max_length=40, description="RFC 3339, a date, Unix seconds, or such as -6h.")
]

GroupTags = Annotated[
    list[Annotated[str, msgspec.Meta(max_length=TAG_MAX_CHARS)]], msgspec.Meta(max_length=MAX_GROUP_TAGS)
]


class MetricsWanted(Arguments):
    """Which metrics to list."""

    search: Annotated[
        str, msgspec.Meta(max_length=200, description="Text in the key or description, in any case.")
    ] = ""
    prefix: Annotated[str, msgspec.Meta(max_length=KEY_MAX_BYTES, description="How the key starts.")] = ""
    match: Patterns = []
    type: MetricType | None = None
    tags: Annotated[
        dict[str, str], msgspec.Meta(max_length=32, description="Tags that a metric has, by name.")
    ] = {}
    page_size: PageSize = 50
    cursor: CursorText = ""


class MetricFacts(Result):
    """A metric: how it is called, and since when and until when it has points."""

    id: uuid.UUID
    metric: Annotated[str, msgspec.Meta(description="The key: name and tags, `name;k=v`.")]
    type: MetricType
    unit: str
    description: str
    created_at: Instant
    first_at: Instant | None
    last_at: Instant | None
    last_value: float | None
    uri: str


class MetricPage(Result):
    """One page of metrics, the newest first, as of the last compaction."""

    metrics: list[MetricFacts]
    next_cursor: NextCursor


class SeriesWanted(Arguments, rename={"from_": "from"}):
    """Which series to compute."""

    from_: MomentText
    to: MomentText = ""
    metric: Annotated[
        list[Key], msgspec.Meta(max_length=METRICS_MAX, description="Whole keys, as metrics_search has them.")
    ] = []
    match: Patterns = []
    interval: Annotated[
        str,
        msgspec.Meta(
            max_length=20, description="minute, hour, day, week, month, a width such as 5m, or auto."
        ),
    ] = "auto"
    aggregation: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=20)]],
        msgspec.Meta(
            max_length=MAX_AGGREGATIONS,
            description="sum avg min max count first last rate p0..p100; by default sum of counters, avg of"
            " values.",
        ),
    ] = []
    zone: Annotated[
        str, msgspec.Meta(max_length=64, description="Whose days, weeks and months are meant.")
    ] = "UTC"
    fill: Annotated[Fill, msgspec.Meta(description="What stands in buckets without points.")] = Fill.NONE
    group_by: Annotated[
        GroupTags | None, msgspec.Meta(description="Merge by these tags; [] merges all, null none.")
    ] = None
    exact: Annotated[bool, msgspec.Meta(description="Percentiles of single points at any width.")] = False


class SeriesFacts(Result):
    """The numbers of one aggregation of a metric or group: `values[i]` is that of the bucket at `at[i]`."""

    metric: str | None
    type: MetricType
    unit: str
    group: dict[str, str | None] | None
    aggregation: str
    relative_error: float
    at: list[Instant]
    values: list[float | None]


class SeriesPage(Result, rename={"from_": "from"}):
    """Series by bucket; the window is wider than asked for where single points are no longer kept."""

    from_: Instant
    to: Instant
    interval: str
    zone: str
    series: list[SeriesFacts]


class PointWanted(Arguments):
    """One point."""

    metric: Annotated[Key, msgspec.Meta(description="Name, or key with tags: `cpu;host=a`.")]
    value: Annotated[float, msgspec.Meta(description="Of a counter a whole amount, from 1.")]
    type: Annotated[
        MetricType | None, msgspec.Meta(description="Needed for a new metric; it never changes.")
    ] = None
    timestamp: Annotated[
        float | str | None, msgspec.Meta(description="Unix seconds or RFC 3339; absent means now.")
    ] = None
    tags: dict[str, str] = {}


class PointsWanted(Arguments):
    """Which points to store."""

    points: Annotated[list[PointWanted], msgspec.Meta(min_length=1, max_length=POINTS_MAX)]
    mode: Annotated[Mode, msgspec.Meta(description="atomic: all or none; partial: those that are valid.")] = (
        Mode.ATOMIC
    )


class PointRefused(Result):
    """Why a point was not stored."""

    point: Annotated[int, msgspec.Meta(description="Its place in the list, from 0.")]
    field: str
    code: str
    detail: str


class PointsStored(Result):
    """What was stored."""

    accepted: int
    created: Annotated[list[str], msgspec.Meta(description="Metrics made now, the first 100.")]
    refused: list[PointRefused]


def search_metrics(actor: Actor, wanted: MetricsWanted) -> MetricPage:
    """Return one page of the organization's metrics; raises InvalidPattern."""
    rows = Metric.objects.visible_to(actor)
    if wanted.search:
        rows = rows.filter(Q(key__icontains=wanted.search) | Q(description__icontains=wanted.search))
    if wanted.type is not None:
        rows = rows.filter(type=wanted.type)
    if wanted.match:
        rows = matching(rows, wanted.match)
    found: QuerySet[Metric] = catalogue.starting_with(rows, wanted.prefix)
    found = catalogue.with_tags(found, {name: [value] for name, value in wanted.tags.items()})
    page, next_cursor = newest_first(found, cursor=wanted.cursor, page_size=wanted.page_size)
    return MetricPage(metrics=[facts_of(each) for each in describe_page(page)], next_cursor=next_cursor)


def query_metrics(actor: Actor, wanted: SeriesWanted) -> SeriesPage:
    """Return series by bucket; raises what `answer_query` raises, naming arguments by pointer."""
    query = SeriesQuery(
        start=_moment("from", wanted.from_),
        end=_moment("to", wanted.to) if wanted.to else NOW,
        metrics=tuple(wanted.metric),
        match=tuple(wanted.match),
        interval=wanted.interval,
        zone=wanted.zone,
        aggregations=tuple(wanted.aggregation),
        fill=wanted.fill,
        group_by=None if wanted.group_by is None else tuple(wanted.group_by),
        exact=wanted.exact,
    )
    with named_by_pointer():
        answer = answer_query(actor=actor, query=query, now=timezone.now())
    return SeriesPage(
        from_=instant_of(answer.window.start),
        to=instant_of(answer.window.end),
        interval=answer.interval,
        zone=answer.zone,
        series=[_series(each) for each in answer.series],
    )


def write_points(actor: Actor, wanted: PointsWanted) -> PointsStored:
    """Store points in one commit; raises what `record_points` raises."""
    received_at_us = time.time_ns() // 1_000
    window = window_at(received_at_us, policy_of(actor.organization.pk))
    # The parser of the API, so that both doors take the same and refuse it in the same words.
    body = msgspec.json.encode({"points": wanted.points})
    sending = read_sending(Call.BATCH, body, {"mode": wanted.mode.value}, window)
    # The call itself is counted already.
    throttles.take_for(actor.caller, LIMIT, 0, points=len(sending.parsed.batch))
    recorded = record_points(
        actor=actor,
        parsed=sending.parsed,
        received_at_us=received_at_us,
        mode=sending.mode,
        untyped=sending.untyped,
        pointer=sending.pointer,
    )
    return PointsStored(
        accepted=recorded.accepted,
        created=list(recorded.created),
        refused=[
            PointRefused(point=each.item, field=each.field, code=each.code, detail=each.detail)
            for each in sorted(recorded.refusals, key=lambda refusal: refusal.item)
        ],
    )


def facts_of(row: DescribedMetric) -> MetricFacts:
    """Return a metric as it goes out."""
    metric, ends = row.metric, row.ends
    return MetricFacts(
        id=metric.pk,
        metric=metric.key,
        type=MetricType(metric.type),
        unit=metric.unit,
        description=metric.description,
        created_at=metric.created_at,
        first_at=instant_of(ends.first_at) if ends else None,
        last_at=instant_of(ends.last_at) if ends else None,
        last_value=ends.last_value if ends else None,
        uri=METRIC_RESOURCE.address_of(metric.pk),
    )


def _series(series: Series) -> SeriesFacts:
    return SeriesFacts(
        metric=series.metric,
        type=series.type,
        unit=series.unit,
        group=None if series.group is None else dict(series.group),
        aggregation=series.aggregation,
        relative_error=series.relative_error,
        at=[instant_of(at) for at in series.at.tolist()],
        values=[None if math.isnan(value) else value for value in series.values.tolist()],
    )


def _moment(name: str, text: str) -> Moment:
    try:
        return parse_moment(text)
    except ValueError as error:
        detail = f"{str(error)[:1].upper()}{str(error)[1:]}."
        raise Invalid(errors=[FieldError(detail, pointer=f"/{name}")]) from error


def _visible(actor: Actor) -> Any:
    return Metric.objects.visible_to(actor)


METRIC_RESOURCE: Final = Resource(
    app="metrics",
    type="metric",
    title="Metric",
    description="A series of points: its name, type and unit, and its last value.",
    permission="metrics.view",
    rows=_visible,
    name_of=lambda row: str(row.key),
    content_of=lambda row: facts_of(describe(row)),
    # There may be 200,000; metrics_search finds them.
    is_listed=False,
)
TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="metrics_search",
        title="Metrics",
        description="Find the organization's metrics by text, prefix, pattern, type or tags, newest first.",
        permission="metrics.view",
        arguments=MetricsWanted,
        result=MetricPage,
        call=search_metrics,
    ),
    Tool(
        name="metrics_query",
        title="Series of metrics",
        description="Aggregate metrics by bucket of time: sums, averages, extremes, counts, percentiles.",
        permission="metrics.view",
        arguments=SeriesWanted,
        result=SeriesPage,
        call=query_metrics,
    ),
    Tool(
        name="metrics_write",
        title="Points of metrics",
        description="Store up to 1,000 points in one commit; metrics that do not exist are made.",
        permission="metrics.write",
        arguments=PointsWanted,
        result=PointsStored,
        call=write_points,
        limit=LIMIT,
        writes=True,
    ),
)
