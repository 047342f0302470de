"""What programs and models reach of maps over MCP: the map's own calls, with at most 1,000 cells."""

import uuid
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import msgspec
import orjson
from django.conf import settings
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.common.errors import NotFound
from apps.common.tools import Arguments, Result, Tool
from apps.datasets.queries.timeline import Bucket
from apps.spatial.answers import answer_hexes, answer_timeline
from apps.spatial.api.parameters import CELLS_MAX, DATASETS_MAX, NAMES_MAX, MapParameters, hex_query
from apps.spatial.asking.answering import Question, ask_question
from apps.spatial.asking.asked import TOP_MAX
from apps.spatial.estimates import TooManyCells
from apps.spatial.formats import AnswerFormat
from apps.spatial.map_figures import cells_served
from apps.spatial.models import Area
from apps.spatial.sources import HexQuery, Source, open_sources
from apps.spatial.timeline import TooManyBuckets

ROWS_MAX: Final = 1_000
TOP_DEFAULT: Final = 10

Name = Annotated[str, msgspec.Meta(max_length=200)]
Names = Annotated[list[Name], msgspec.Meta(max_length=NAMES_MAX)]
Hour = Annotated[int, msgspec.Meta(ge=0, le=23)]
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
Moment = Annotated[
    str,
    msgspec.Meta(
        max_length=40,
        description="An instant with offset, or a date: a day of the dataset's zone; as `to` it is in.",
    ),
]


class MapWanted(Arguments, kw_only=True):
    """Datasets, selection, window and filters of a map question: the parameters of GET /hexes."""

    datasets: Annotated[list[uuid.UUID], msgspec.Meta(min_length=1, max_length=DATASETS_MAX)]
    version: Annotated[int, msgspec.Meta(ge=1)] | None = None
    resolution: Annotated[int, msgspec.Meta(ge=3, le=11, description="Of the H3 cells.")] | None = None
    bbox: (
        Annotated[
            list[float],
            msgspec.Meta(min_length=4, max_length=4, description="West, south, east, north in degrees."),
        ]
        | None
    ) = None
    cell: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=20)]],
        msgspec.Meta(max_length=CELLS_MAX, description="H3 cells: all below them."),
    ] = []
    area: Annotated[uuid.UUID, msgspec.Meta(description="A named area's id.")] | None = None
    from_: Moment | None = msgspec.field(default=None, name="from")
    to: Moment | None = None
    category: Names = []
    label: Names = []
    value_min: float | None = None
    value_max: float | None = None
    hour_from: Hour | None = None
    hour_to: Hour | None = None
    weekday: Annotated[list[Weekday], msgspec.Meta(max_length=7, description="ISO: 1 is Monday.")] = []


class TopWanted(MapWanted, kw_only=True):
    """The same, and how many cells."""

    n: Annotated[int, msgspec.Meta(ge=1, le=TOP_MAX, description="How many cells.")] = TOP_DEFAULT


class TimelineWanted(MapWanted, kw_only=True):
    """The same, and how events are put together."""

    bucket: Bucket
    group: Literal["category"] | None = None


class QuestionWanted(Arguments):
    """A question in English."""

    question: Annotated[str, msgspec.Meta(min_length=3, max_length=500)]
    dataset: uuid.UUID | None = None
    lenient: Annotated[bool, msgspec.Meta(description="Pass over words that are not understood.")] = False


class Citation(Result):
    """A dataset, the oldest version with exactly these data, and its zone."""

    id: uuid.UUID
    version: int
    zone: str


class MapAnswer(Result, kw_only=True):
    """What every answer says of itself; `api_url` is the REST call with the same figures."""

    api_url: str
    datasets: list[Citation]
    window: dict[str, str | None]
    filters: dict[str, Any]
    events: int
    partial_events: int
    excluded_no_time: int
    suppressed: bool


class CellCount(Result):
    """A cell with its full count; value is null without values."""

    h3: str
    count: int
    categories: dict[str, int]
    value: dict[str, Any] | None


class CellCounts(MapAnswer, kw_only=True):
    """Cells, those with the most events first."""

    resolution: int
    cells: list[CellCount]
    cells_total: int
    is_complete: Annotated[bool, msgspec.Meta(description="False if cells with fewer events were left out.")]


class BucketCount(Result, kw_only=True):
    """A period of the zone's calendar: its name, its start in UTC."""

    label: str
    start: str
    count: int
    categories: dict[str, int] = {}


class BucketCounts(MapAnswer, kw_only=True):
    """Events by period, periods without any included; `unplaced` are known more coarsely than that."""

    bucket: Bucket
    buckets: list[BucketCount]
    unplaced: int


class GeoJsonAnswer(Result):
    """Cells as a GeoJSON feature collection, which cites its source."""

    api_url: str
    geojson: dict[str, Any]


class QuestionAnswered(Result):
    """The answer in a sentence and in figures, and how the question was understood."""

    answer: str
    query: dict[str, Any]
    understood: list[dict[str, str]]
    ignored: list[str]
    notes: list[str]
    api_url: str
    result: dict[str, Any]
    translator: str


def aggregate(actor: Actor, wanted: MapWanted) -> CellCounts:
    """Return cells with counts and statistics, at most 1,000; raises what GET /hexes does."""
    return _cells(actor, wanted, ROWS_MAX)


def top_cells(actor: Actor, wanted: TopWanted) -> CellCounts:
    """Return the cells with the most events; raises what GET /hexes does."""
    return _cells(actor, wanted, wanted.n)


def timeline(actor: Actor, wanted: TimelineWanted) -> BucketCounts:
    """Return events by period; raises what GET /timeline does, and TooManyBuckets over 1,000."""
    query, sources = _opened(actor, wanted)
    answer = answer_timeline(query, sources, wanted.bucket, with_categories=wanted.group is not None)
    body = orjson.loads(answer.body)
    if len(body["buckets"]) > ROWS_MAX:
        raise TooManyBuckets(f"More than {ROWS_MAX:,} buckets of one {wanted.bucket.value}.")
    return msgspec.convert(body | {"api_url": _address("timeline", wanted)}, BucketCounts)


def export_geojson(actor: Actor, wanted: MapWanted) -> GeoJsonAnswer:
    """Return the cells as GeoJSON; raises what GET /hexes does, and TooManyCells over 1,000."""
    query, sources = _opened(actor, wanted)
    answer = answer_hexes(query, sources, AnswerFormat.GEOJSON)
    if answer.rows > ROWS_MAX:
        raise TooManyCells(
            f"The answer has {answer.rows:,} cells; here the limit is {ROWS_MAX:,}.",
            extra={"estimated_cells": answer.rows, "limit": ROWS_MAX, "finest_resolution": None},
        )
    cells_served.inc(answer.rows)
    return GeoJsonAnswer(api_url=_address("hexes/geojson", wanted), geojson=orjson.loads(answer.body))


def ask(actor: Actor, wanted: QuestionWanted) -> QuestionAnswered:
    """Return the answer to a question, read by the grammar; raises what POST /questions does."""
    question = Question(wanted.question, wanted.dataset, is_lenient=wanted.lenient)
    answer = ask_question(actor, question, now=timezone.now())
    return QuestionAnswered(**answer.as_dict(settings.BASE_URL))


def _cells(actor: Actor, wanted: MapWanted, most: int) -> CellCounts:
    query, sources = _opened(actor, wanted)
    body = orjson.loads(answer_hexes(query, sources, AnswerFormat.JSON).body)
    ranked = sorted(body["cells"], key=lambda cell: (-cell["count"], cell["h3"]))
    kept: dict[str, Any] = {
        "api_url": _address("hexes", wanted),
        "cells": ranked[:most],
        "cells_total": len(ranked),
        "is_complete": len(ranked) <= most,
    }
    cells_served.inc(len(kept["cells"]))
    return msgspec.convert(body | kept, CellCounts)


def _opened(actor: Actor, wanted: MapWanted) -> tuple[HexQuery, tuple[Source, ...]]:
    """Return the question of the map and its sources; raises what the parameters' check raises."""
    parameters = MapParameters(data=_parameters(wanted))
    parameters.is_valid(raise_exception=True)
    query = hex_query(parameters.validated_data, area=_area(actor, wanted.area))
    return query, open_sources(actor, query)


def _area(actor: Actor, area_id: uuid.UUID | None) -> Area | None:
    """Return the named area; raises NotFound for somebody else's."""
    if area_id is None:
        return None
    area = Area.objects.visible_to(actor).filter(pk=area_id).first()
    if area is None:
        raise NotFound(f"There is no area {area_id}.")
    return area


def _address(call: str, wanted: MapWanted) -> str:
    """Return the address of the REST call that asks the same."""
    parameters = _parameters(wanted)
    if isinstance(wanted, TimelineWanted):
        parameters |= {"bucket": wanted.bucket.value, **({"group": wanted.group} if wanted.group else {})}
    return f"{settings.BASE_URL}/api/v1/{call}?{urlencode(parameters, doseq=True)}"


def _parameters(wanted: MapWanted) -> dict[str, Any]:
    """Return the parameters of the REST call, those that are set."""
    found = {
        "dataset": [str(each) for each in wanted.datasets],
        "version": wanted.version,
        "resolution": wanted.resolution,
        "bbox": wanted.bbox and ",".join(f"{edge!r}" for edge in wanted.bbox),
        "cell": wanted.cell,
        "area": wanted.area and str(wanted.area),
        "from": wanted.from_,
        "to": wanted.to,
        "category": wanted.category,
        "label": wanted.label,
        "value_min": wanted.value_min,
        "value_max": wanted.value_max,
        "hour_from": wanted.hour_from,
        "hour_to": wanted.hour_to,
        "weekday": wanted.weekday,
    }
    return {name: value for name, value in found.items() if value is not None and value != []}


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="spatial_aggregate",
        title="Events by cell",
        description="Count events by hexagonal H3 cell, with categories and statistics of the value; up to"
        " 1,000 cells, those with the most events first.",
        permission="spatial.view",
        arguments=MapWanted,
        result=CellCounts,
        call=aggregate,
        limit="map",
    ),
    Tool(
        name="spatial_top_cells",
        title="Cells with the most events",
        description="Return the H3 cells with the most events. They are ranked by count; whether a count is"
        " significant is not tested.",
        permission="spatial.view",
        arguments=TopWanted,
        result=CellCounts,
        call=top_cells,
        limit="map",
    ),
    Tool(
        name="spatial_timeline",
        title="Events over time",
        description="Count events by hour, day, week, month or year of the dataset's calendar.",
        permission="spatial.view",
        arguments=TimelineWanted,
        result=BucketCounts,
        call=timeline,
        limit="map",
    ),
    Tool(
        name="spatial_export_geojson",
        title="Cells as GeoJSON",
        description="Return up to 1,000 H3 cells with their outlines as a GeoJSON feature collection.",
        permission="spatial.export",
        arguments=MapWanted,
        result=GeoJsonAnswer,
        call=export_geojson,
        limit="export",
    ),
    Tool(
        name="spatial_ask",
        title="Ask in words",
        description="Answer a question in English about a dataset, such as `How many burglaries in March"
        " 2023?` or `Top 3 areas for shoplifting at resolution 9`. What is not understood in full is refused,"
        " with what was not understood.",
        permission="spatial.ask",
        arguments=QuestionWanted,
        result=QuestionAnswered,
        call=ask,
        limit="map",
    ),
)
