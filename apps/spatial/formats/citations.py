"""What an answer says of itself: the data it was computed from, the window, the filters."""

import json
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from apps.common.serializers import rfc3339
from apps.datasets.queries.cells import BASE_RESOLUTION
from apps.spatial.hexes import AskedWindow, HexAnswer, greatest, least
from apps.spatial.sources import HexQuery, Source

HEADER_MAX_CHARACTERS: Final = 1_000


def citation(query: HexQuery, sources: Sequence[Source], window: AskedWindow) -> dict[str, Any]:
    """Return what every answer says of itself: the data it was computed from, the window, the filters."""
    filters = query.filters
    start, end = window
    first_hour, last_hour = filters.hours or (None, None)
    return {
        "datasets": [
            {"id": str(source.dataset.pk), "version": source.epoch.number, "zone": source.dataset.zone}
            for source in sources
        ],
        "window": {"from": start and rfc3339(start), "to": end and rfc3339(end)},
        "filters": {
            **query.echo,
            "category": list(filters.categories),
            "label": list(filters.labels),
            "value_min": filters.value_min,
            "value_max": filters.value_max,
            "hour_from": first_hour,
            "hour_to": last_hour,
            "weekday": list(filters.weekdays),
        },
    }


def head_of(answer: HexAnswer) -> dict[str, Any]:
    """Return the citation of cells, with their resolution and the totals."""
    return {
        "resolution": answer.resolution,
        "base_resolution": BASE_RESOLUTION,
        **citation(answer.query, answer.sources, answer.window),
        "events": answer.table.events,
        "partial_events": answer.table.partial_events,
        "excluded_no_time": answer.table.excluded_no_time,
        "suppressed": False,
    }


def header_of(query: HexQuery, sources: Sequence[Source]) -> str:
    """Return the citation as the value of a header, for formats that have no place for it.

    Where the filters are long they are left out: servers in front cap headers, and the address has them.
    """
    spans = [query.filters.window.in_zone(ZoneInfo(source.dataset.zone)) for source in sources]
    window = least([span.start for span in spans]), greatest([span.end for span in spans])
    found = citation(query, sources, window)
    text = json.dumps(found, separators=(",", ":"))
    if len(text) > HEADER_MAX_CHARACTERS:
        text = json.dumps({**found, "filters": None}, separators=(",", ":"))
    return text
