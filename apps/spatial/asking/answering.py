"""A question in, an answer out: which dataset, what was understood, the figures, and where they come from."""

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from enum import StrEnum
from math import fsum
from typing import Any, Final

import orjson
from django.conf import settings

from apps.accounts.permissions import Actor
from apps.common import throttles
from apps.common.ai import AiUnavailable
from apps.common.errors import DomainError, Forbidden
from apps.common.throttles import RateLimited
from apps.datasets.models import Dataset
from apps.datasets.queries.timeline import Bucket
from apps.spatial.answers import answer_hexes, answer_timeline
from apps.spatial.asking.asked import AskedQuery, Measure, Place
from apps.spatial.asking.datasets import choose_dataset, load_lexicon
from apps.spatial.asking.lexicon import Lexicon
from apps.spatial.asking.map_queries import MapCall, map_call, moment_text
from apps.spatial.asking.parsing import QuestionRefused, Reading, Understood, parse_question
from apps.spatial.asking.translating import translate_question
from apps.spatial.asking.wording import sentence
from apps.spatial.figures import questions
from apps.spatial.formats import AnswerFormat
from apps.spatial.hexes import plan_hexes
from apps.spatial.sources import Source, open_sources

SIGNIFICANT_DIGITS: Final = 9
AI_LIMIT: Final = "ai"
NO_MODEL: Final = "No language model helped to read the question."
# What an answer of the map says of itself, which a question's result repeats.
REPEATED: Final = (
    "datasets", "window", "filters", "resolution", "events",
    "partial_events", "excluded_no_time", "suppressed",
)  # fmt: skip


class Translator(StrEnum):
    """Who reads a question: the grammar, a language model, or the second where the first refuses."""

    GRAMMAR = "grammar"
    AI = "ai"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """An answered question. `address` is path and query of the call with the same figures."""

    answer: str
    query: dict[str, Any]
    understood: tuple[Understood, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    address: str
    result: dict[str, Any]
    translator: Translator

    def as_dict(self, root: str) -> dict[str, Any]:
        """Return the answer as it goes out; `root` goes before its address."""
        return {
            "answer": self.answer,
            "query": self.query,
            "understood": [each.as_dict() for each in self.understood],
            "ignored": list(self.ignored),
            "notes": list(self.notes),
            "api_url": f"{root}{self.address}",
            "result": self.result,
            "translator": self.translator.value,
        }


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was asked; dataset_id None: about the only dataset there is."""

    text: str
    dataset_id: uuid.UUID | None = None
    translator: Translator = Translator.GRAMMAR
    is_lenient: bool = False


def ask_question(actor: Actor, question: Question, *, now: dt.datetime) -> QuestionAnswer:
    """Return the answer to a question.

    Raises NotFound, NotReady, QuestionRefused, and what the map's own calls raise; where a language model is
    asked for, Forbidden and RateLimited.
    """
    try:
        dataset = choose_dataset(actor, question.dataset_id)
        lexicon = load_lexicon(actor, dataset, now=now)
        reading, translator = _read(actor, question, dataset, lexicon)
        answered = answer_reading(actor, dataset, reading, translator=translator)
    except QuestionRefused:
        questions.labels("refused").inc()
        raise
    except DomainError:
        questions.labels("failed").inc()
        raise
    questions.labels("answered" if translator is Translator.GRAMMAR else "translated").inc()
    return answered


def _read(actor: Actor, question: Question, dataset: Dataset, lexicon: Lexicon) -> tuple[Reading, Translator]:
    """Return what was read, and by whom; where no model helps, the grammar's outcome stands."""
    if question.translator is Translator.AI:
        throttles.take_for(actor.caller, AI_LIMIT)
        try:
            return translate_question(actor.organization.pk, dataset, lexicon, question.text), Translator.AI
        except AiUnavailable as error:
            return _by_grammar(question, lexicon, f"{NO_MODEL} {error.detail}"), Translator.GRAMMAR
    try:
        return _by_grammar(question, lexicon), Translator.GRAMMAR
    except QuestionRefused as refused:
        if question.translator is Translator.GRAMMAR:
            raise
        try:
            throttles.take_for(actor.caller, AI_LIMIT)
            return translate_question(actor.organization.pk, dataset, lexicon, question.text), Translator.AI
        except (AiUnavailable, Forbidden, RateLimited) as error:
            raise _said_so(refused, f"{NO_MODEL} {error.detail}") from error


def _by_grammar(question: Question, lexicon: Lexicon, note: str = "") -> Reading:
    """Return the grammar's reading; `note` is said of it, and of its refusal."""
    try:
        reading = parse_question(question.text, lexicon, lenient=question.is_lenient)
    except QuestionRefused as refused:
        raise _said_so(refused, note) from refused
    return replace(reading, notes=(note, *reading.notes)) if note else reading


def _said_so(refused: QuestionRefused, note: str) -> QuestionRefused:
    """Return a refusal that also says why no language model helped."""
    return QuestionRefused(f"{refused.detail} {note}".strip(), extra=refused.extra)


def answer_reading(
    actor: Actor, dataset: Dataset, reading: Reading, *, translator: Translator
) -> QuestionAnswer:
    """Return the answer to what a question was read as."""
    asked = reading.query
    call = map_call(actor, asked, dataset)
    sources = open_sources(actor, call.query)
    call, notes = _fitting(call, sources, is_fixed=asked.resolution is not None)
    result = _result(asked, call, sources)
    return QuestionAnswer(
        answer=sentence(asked, dataset.name, result),
        query=query_json(replace(asked, resolution=call.query.resolution), dataset),
        understood=reading.understood,
        ignored=reading.ignored,
        notes=(*reading.notes, *call.notes, *notes, *_data_notes(result)),
        address=call.address,
        result=result,
        translator=translator,
    )


def query_json(asked: AskedQuery, dataset: Dataset) -> dict[str, Any]:
    """Return the typed query as it goes out."""
    first_hour, last_hour = asked.hours or (None, None)
    start, end = asked.when.start, asked.when.end
    return {
        "dataset": str(dataset.pk),
        "measure": asked.measure.value,
        "top": asked.top,
        "bucket": asked.bucket.value if asked.bucket else None,
        "from": moment_text(start) if start else None,
        "to": moment_text(end) if end else None,
        "hour_from": first_hour,
        "hour_to": last_hour,
        "weekday": list(asked.weekdays),
        "category": list(asked.categories),
        "place": _place_json(asked.place) if asked.place else None,
        "resolution": asked.resolution,
    }


def _place_json(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": place.kind.value}
    optional = {
        "area": place.area_id and str(place.area_id),
        "name": place.area,
        "cell": place.cell,
        "numbers": list(place.numbers),
        "radius_m": place.radius_m,
    }
    return found | {name: value for name, value in optional.items() if value}


def _fitting(
    call: MapCall, sources: tuple[Source, ...], *, is_fixed: bool
) -> tuple[MapCall, tuple[str, ...]]:
    """Return the call at the finest resolution that fits, if none was asked for."""
    resolution = call.query.resolution
    if is_fixed or resolution is None or call.query.echo.get("cell"):
        return call, ()
    estimate = plan_hexes(call.query, sources, settings.SPATIAL_MAX_CELLS).estimate
    finest = estimate.finest_resolution
    if estimate.at(resolution) <= estimate.limit or finest is None:
        return call, ()
    return call.at(finest), (f"At resolution {resolution} there would be too many cells; {finest} is taken.",)


def _result(asked: AskedQuery, call: MapCall, sources: tuple[Source, ...]) -> dict[str, Any]:
    """Return the figures with what the map's answer says of itself."""
    if asked.measure is Measure.TREND:
        bucket = asked.bucket or Bucket.MONTH
        found: dict[str, Any] = orjson.loads(
            answer_timeline(call.query, sources, bucket, with_categories=False).body
        )
        return found
    body = orjson.loads(answer_hexes(call.query, sources, AnswerFormat.JSON).body)
    result: dict[str, Any] = {name: body[name] for name in REPEATED}
    if asked.measure is Measure.TOP:
        ranked = sorted(body["cells"], key=lambda cell: (-cell["count"], cell["h3"]))
        result["cells"] = [{"h3": cell["h3"], "count": cell["count"]} for cell in ranked[: asked.top]]
    if asked.measure is Measure.AVERAGE:
        result["value"] = _overall([cell["value"] for cell in body["cells"] if cell["value"]])
    return result


def _overall(values: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the statistics of all cells together; None without values."""
    n = sum(value["n"] for value in values)
    if not n:
        return None
    total = fsum(value["sum"] for value in values)
    return {
        "n": n,
        "sum": float(f"{total:.{SIGNIFICANT_DIGITS}g}"),
        "mean": float(f"{total / n:.{SIGNIFICANT_DIGITS}g}"),
        "min": min(value["min"] for value in values),
        "max": max(value["max"] for value in values),
    }


def _data_notes(result: dict[str, Any]) -> list[str]:
    """Return what is to be said of events that lie in the window or the hours only in part."""
    told = {
        "partial_events": "of the events may lie outside the window: their time is not known so finely.",
        "excluded_no_time": "events are left out: their time is not known so finely.",
        "unplaced": "events are in no period: their time is not known so finely.",
    }
    return [f"{result[name]:,} {text}" for name, text in told.items() if result.get(name)]
