"""How fast queries are answered, beside the peers: without what they remember, and the same again."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from benchmarks.metrics_bodies import Format
from benchmarks.metrics_candidates import Candidate, Sextant, named
from benchmarks.metrics_history import QUICK_PART, History, send_history
from benchmarks.metrics_peers import INFLUX, VICTORIA
from benchmarks.metrics_queries import (
    Asking,
    Line,
    Question,
    again_ms,
    etag_of,
    line_to,
    measured,
    questions,
    without_cache,
)
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage

OURS: Final = "ours"
# What is promised beside VictoriaMetrics, by the short name of a question, and beside InfluxDB.
AT_MOST: Final = {
    "hours": 0.1,
    "percentiles": 0.04,
    "raw hours": 0.9,
    "raw percentiles": 0.2,
    "many": 1.0,
    "minutes": 2.5,
}
AT_MOST_INFLUX: Final = {"minutes": 0.3}


def answer_rows(stage: Stage, ours: Sextant, peers: Mapping[str, Candidate]) -> list[Row]:
    """Send the same history to all, and ask them."""
    history = History(QUICK_PART if stage.quick else 1)
    bodies = list(history.bodies())
    for candidate in (ours.candidate, *peers.values()):
        stage.say(f"history: {candidate.name} takes {len(bodies)} bodies")
        send_history(candidate, candidate.targets[Format.LINES], bodies)
    ours.compact()
    for candidate in (ours.candidate, *peers.values()):
        candidate.settle()
    with ExitStack() as stack:
        lines = {OURS: stack.enter_context(line_to(ours.candidate.port, f"X-API-Key: {ours.key}"))}
        lines |= {who: stack.enter_context(line_to(each.port)) for who, each in peers.items()}
        asked = questions(history)
        rows = [asked_row(stage, name, question, lines) for name, question in asked.items()]
        return [*rows, *again_rows(stage, asked["hours"], lines)]


def asked_row(stage: Stage, name: str, question: Question, lines: Mapping[str, Line]) -> Row:
    """Ask everybody one question in turn."""
    victoria, influx = named(VICTORIA, lines), named(INFLUX, lines)
    paths = {OURS: question.ours, victoria: without_cache(question.victoria)}
    if question.influx is not None:
        paths[influx] = question.influx
    askings = {
        who: Asking(lines[who], question, path, is_quick=stage.quick)
        for who, path in paths.items()
        if who in lines
    }
    samples = measured(stage.rounds, askings)
    stage.say(f"{question.what}: " + ", ".join(f"{who} {min(kept):.2f} ms" for who, kept in samples.items()))
    goals = [Goal(victoria, at_most=AT_MOST[name])]
    if name in AT_MOST_INFLUX:
        goals.append(Goal(influx, at_most=AT_MOST_INFLUX[name]))
    return Row(question.what, "ms", samples.pop(OURS), samples, goals)


def again_rows(stage: Stage, question: Question, lines: Mapping[str, Line]) -> list[Row]:
    """Ask the same once more: the whole answer, and only whether it has changed."""
    victoria = named(VICTORIA, lines)
    path = question.ours(question.window)
    whole: list[float] = []
    unchanged: list[float] = []
    theirs: list[float] = []
    etag = f"If-None-Match: {etag_of(lines[OURS].ask(path)[1])}"
    for _ in range(stage.rounds):
        whole.append(again_ms(lines[OURS], path))
        if victoria in lines:
            theirs.append(again_ms(lines[victoria], question.victoria(question.window)))
        unchanged.append(again_ms(lines[OURS], path, etag, status=304))
    peer, goals = {victoria: theirs}, [Goal(victoria, at_most=5)]
    stage.say(
        f"again: {min(whole):.2f} ms, 304 in {min(unchanged):.2f} ms, theirs {min(theirs or [0.0]):.2f} ms"
    )
    return [
        Row("30 d by hour again, whole", "ms", whole, peer, goals),
        Row("30 d by hour again, 304", "ms", unchanged, peer, goals),
    ]
