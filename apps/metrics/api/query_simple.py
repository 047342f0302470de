"""The simple form: the buckets of one metric, as `GET /metrics/{metric}` adds them to its object."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from apps.metrics.calendar.windows import NOW, instant_us
from apps.metrics.models import Metric
from apps.metrics.queries.filling import Fill, filled
from apps.metrics.queries.formats import plain_instants, plain_numbers
from apps.metrics.queries.selection import chosen_metric
from apps.metrics.queries.series import SeriesQuery, plan_for, run_plan


def simple_data(*, metric: Metric, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return from, to, interval, zone, aggregation, fill, data[{bucket, value}] and summary of one metric.

    `values` are those of SimpleParameters, checked. All is plain JSON. Two queries. Raises what
    `queries.series.plan_for` and `run_plan` raise.
    """
    chosen = chosen_metric(metric)
    aggregation = values.get("aggregation") or chosen.type.default_aggregation
    query = SeriesQuery(
        start=values["from"],
        end=values.get("to", NOW),
        metrics=(metric.key,),
        interval=values["interval"],
        zone=values["zone"],
        aggregations=tuple(dict.fromkeys((aggregation, "count"))),
    )
    plan = plan_for([chosen], query, instant_us(now))
    answer = run_plan(plan)
    found, counts = answer.series[0], answer.series[-1]
    fill = Fill(values["fill"])
    at = found.at if fill is Fill.NONE else plan.edges[:-1]
    filled_values = filled(fill, len(at), np.searchsorted(plan.edges, found.at), found.values)
    start, end = plain_instants(np.array([answer.window.start, answer.window.end]))
    return {
        "from": start,
        "to": end,
        "interval": answer.interval,
        "zone": answer.zone,
        "aggregation": aggregation,
        "fill": fill.value,
        "data": [
            {"bucket": bucket, "value": value}
            for bucket, value in zip(plain_instants(at), plain_numbers(filled_values), strict=True)
        ],
        "summary": {"total_points": int(counts.values.sum()), "buckets": len(at)},
    }
