"""What clients of StatHat read: their stats, and the buckets of some. Runs in a thread and queries."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Final

from django.utils import timezone

from apps.common.errors import Malformed, NotFound
from apps.metrics.calendar.windows import instant_us
from apps.metrics.doors.gate import Admission
from apps.metrics.doors.requests import DoorRequest
from apps.metrics.doors.stathat.answers import (
    Answer,
    Dataset,
    ListedStat,
    StatPoint,
    datasets,
    stat,
    stat_list,
)
from apps.metrics.doors.stathat.readings import (
    LIST_PAGE,
    DataRequest,
    Span,
    parse_data,
    parse_offset,
    parse_stat_name,
)
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric
from apps.metrics.points.batch import SECOND_US
from apps.metrics.queries.filling import Fill
from apps.metrics.queries.selection import chosen_metric
from apps.metrics.queries.series import SeriesQuery, plan_for, run_plan

MINUTE_S: Final = 60
DAY_S: Final = 86_400


def answer(call: str, rest: Sequence[str], request: DoorRequest, admission: Admission) -> Answer:
    """Return the answer to `/x/<key>/<call>/<rest>`; raises NotFound, Malformed, Invalid."""
    visible = Metric.objects.visible_to(admission.actor)
    if call == "statlist":
        start = parse_offset(request.query)
        rows = visible.order_by("number")[start : start + LIST_PAGE]
        return stat_list([_listed(row) for row in rows])
    if call == "stat":
        found = visible.filter(key=parse_stat_name(request.query)).first()
    elif call == "stats" and len(rest) == 1:
        found = _by_id(admission, rest[0])
    elif call == "data":
        return _data(parse_data("/".join(rest), request.query), admission, now=timezone.now())
    else:
        raise NotFound
    if found is None:
        raise NotFound("There is no such stat.")
    return stat(_listed(found))


def _data(asked: DataRequest, admission: Admission, *, now: dt.datetime) -> Answer:
    """Return one dataset per id, in the order of the address."""
    metrics = [_by_id(admission, text) for text in asked.ids]
    return datasets([_dataset(metric, asked, now) for metric in metrics])


def _dataset(metric: Metric, asked: DataRequest, now: dt.datetime) -> Dataset:
    start, end = asked.window(now)
    kind = MetricType(metric.type)
    query = SeriesQuery(
        start=instant_us(start),
        end=instant_us(end),
        interval=_interval(asked.timeframe.step),
        # An amount that nobody sent is none; a reading that nobody took is unknown.
        fill=Fill.ZERO if kind is MetricType.COUNTER else Fill.NONE,
        metrics=(metric.key,),
    )
    (series,) = run_plan(plan_for([chosen_metric(metric)], query, instant_us(now))).series
    seconds = (series.at // SECOND_US).tolist()
    points = [StatPoint(at, value) for at, value in zip(seconds, series.values.tolist(), strict=True)]
    return Dataset(metric.key, asked.timeframe.text, points)


def _interval(step: Span) -> str:
    """Return a step as queries name it; raises Malformed for several months, which they do not know."""
    if step.months:
        if step.months > 1:
            raise Malformed("A step is at most 1M.")
        return "month"
    if step.seconds % DAY_S == 0:
        return f"{step.seconds // DAY_S}d"
    return f"{step.seconds // MINUTE_S}m"


def _by_id(admission: Admission, text: str) -> Metric:
    """Return a metric of the caller's organization; raises NotFound."""
    try:
        named = uuid.UUID(text)
    except ValueError as error:
        raise NotFound("There is no such stat.") from error
    found = Metric.objects.visible_to(admission.actor).filter(pk=named).first()
    if found is None:
        raise NotFound("There is no such stat.")
    return found


def _listed(metric: Metric) -> ListedStat:
    return ListedStat(str(metric.pk), metric.key, metric.type == MetricType.COUNTER)
