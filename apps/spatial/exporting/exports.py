"""An export from question to stream: what is in it, what it is called, what it holds while it is read."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.utils import timezone

from apps.accounts.permissions import Actor, require
from apps.common.errors import Invalid
from apps.datasets.queries.cells import BASE_RESOLUTION
from apps.datasets.queries.event_counts import most_events
from apps.spatial.answers import limit_of
from apps.spatial.exporting.event_files import write_events
from apps.spatial.exporting.holds import Hold, held
from apps.spatial.formats import MEDIA_TYPES, AnswerFormat, citation, encode_answer, header_of
from apps.spatial.formats.tables import write_cells
from apps.spatial.formats.writers import TableFormat
from apps.spatial.hexes import Plan, aggregate_hexes, plan_hexes, reading_events
from apps.spatial.sources import HexQuery, Source, open_sources

EXTENSIONS: Final = {
    AnswerFormat.CSV: "csv",
    AnswerFormat.JSON: "json",
    AnswerFormat.GEOJSON: "geojson",
    AnswerFormat.GEOJSONSEQ: "geojsons",
    AnswerFormat.ARROW: "arrows",
    AnswerFormat.PARQUET: "parquet",
}
NAME_CHARACTERS: Final = 60


class ExportKind(StrEnum):
    """What is exported."""

    CELLS = "cells"
    EVENTS = "events"


class TooManyEvents(Invalid):
    """The export would have more events than one export may have.

    Select a smaller area or a shorter window, and take the rest with another export.
    """

    code = "spatial.too_many_events"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    guarded: text that a spreadsheet would take for a formula gets an apostrophe in front; marked: a byte
    order mark comes first; both only in CSV.
    """

    query: HexQuery
    kind: ExportKind
    form: AnswerFormat
    guarded: bool = True
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """A stream with its name; `close` gives back what it holds, also if it was never read."""

    pieces: Iterator[bytes]
    media_type: str
    file_name: str
    version_numbers: Sequence[int]
    rows: int | None
    cited: str
    close: Callable[[], None]


def open_export(*, actor: Actor, request: Request) -> Export:
    """Return a stream whose first piece is made already, so that most errors come before it begins.

    Raises what maps raise, TooManyEvents, TooManyExports.
    """
    require(actor, "spatial.export")
    sources = open_sources(actor, request.query)
    hold = Hold.take(_user_of(actor), [source.version.pk for source in sources], timezone.now())
    try:
        rows, pieces = _WRITERS[request.kind](request, sources)
        first = next(pieces, b"")
    except BaseException:
        hold.release()
        raise
    return Export(
        pieces=held(hold, _resumed(first, pieces)),
        media_type=MEDIA_TYPES[request.form],
        file_name=file_name(sources, request),
        version_numbers=[source.version.number for source in sources],
        rows=rows,
        cited=header_of(request.query, sources),
        close=hold.release,
    )


def file_name(sources: Sequence[Source], request: Request) -> str:
    """Return `<dataset>-v<n>-<kind>.<ext>` in letters that every system takes."""
    first, others = sources[0], len(sources) - 1
    plain = unicodedata.normalize("NFKD", first.dataset.name).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-")[:NAME_CHARACTERS] or "dataset"
    more = f"-and-{others}-more" if others else ""
    return f"{name}-v{first.version.number}{more}-{request.kind.value}.{EXTENSIONS[request.form]}"


def _user_of(actor: Actor) -> str:
    """Return who counts: a key counts as its creator."""
    return str(actor.person.pk) if actor.person is not None else actor.key


def _cells(request: Request, sources: tuple[Source, ...]) -> tuple[int, Iterator[bytes]]:
    answer = aggregate_hexes(plan_hexes(request.query, sources, limit_of(request.form)))
    rows = int(answer.table.cells.size)
    if request.form in {AnswerFormat.CSV, AnswerFormat.ARROW, AnswerFormat.PARQUET}:
        return rows, write_cells(answer, TableFormat(request.form.value), marked=request.marked)
    return rows, iter([encode_answer(answer, request.form)])


def _events(request: Request, sources: tuple[Source, ...]) -> tuple[None, Iterator[bytes]]:
    plan = _plan_events(request, sources)
    cited = citation(request.query, sources, plan.window)
    pieces = write_events(plan, request.form, cited, guarded=request.guarded, marked=request.marked)
    return None, _reading(pieces)


def _plan_events(request: Request, sources: tuple[Source, ...]) -> Plan:
    """Return the plan of events; without a resolution cells of the base are selected, nearest to points."""
    resolution = request.query.resolution or BASE_RESOLUTION
    asked = replace(request.query, resolution=resolution)
    plan = plan_hexes(asked, sources, settings.SPATIAL_MAX_CELLS_COMPACT)
    limit = settings.SPATIAL_EXPORT_MAX_ROWS
    with reading_events():
        events = sum(
            most_events(scope, plan.query.selection, resolution, enough=limit // len(plan.scopes))
            for scope in plan.scopes
        )
    if events > limit:
        raise TooManyEvents(
            f"There are about {events:,} events; one export may have {limit:,}.",
            extra={"events": events, "limit": limit},
        )
    return plan


def _reading(pieces: Iterator[bytes]) -> Iterator[bytes]:
    with reading_events():
        yield from pieces


def _resumed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


_WRITERS: Final = {ExportKind.CELLS: _cells, ExportKind.EVENTS: _events}
