"""Reads at 100,000 signals: the list by every filter and order, page 1,000, and the sums over all of them.

Each sample is the 95th percentile of a round, through the whole chain over one kept connection. Promised in
performance.md, section 4, and signals.md, section 9.
"""

import http.client
import json
import secrets
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

from apps.accounts.models import Organization, Role, User
from apps.accounts.permissions import system_actor
from apps.accounts.services import create_api_key, create_first_admin
from apps.signals.models import Run
from apps.signals.queries.listing import SORTS
from benchmarks.requests import UNLIMITED
from benchmarks.results import Goal, Row
from benchmarks.signals_rows import COUNT, PER_FACILITY, fill
from benchmarks.stage import Server, Stage

SIGNALS: Final = "/api/v1/signals"
COUNT_QUICK: Final = 20 * PER_FACILITY
LIST_GOAL_MS, SUM_GOAL_MS = 50, 150
PAGES, PAGES_QUICK = 1_000, 10
SUMS: Final = ("summary", "filter-options", "facilities")
# One value of each filter, rare and common ones; `run` is added.
FILTERS: Final[Sequence[dict[str, str]]] = (
    {},
    {"graph": "bench"},
    {"domain": "Safety"},
    {"facility_id": "FAC00015"},
    {"facility_name": "Hospital No. 15 of Saint-Étienne"},
    {"system_name": "System 15"},
    {"service_line": "Ear, Nose/Throat: A|B"},
    {"sub_service_line": "Surgery 2"},
    {"metric_id": "icuCases"},
    {"node_id": "icuCases__dischargeStatus__aggregate_time_period"},
    {"groupby_label": "Facility-wide"},
    {"signal_type": "critical_trajectory"},
    {"signal_type": "baseline"},
    {"status": "new"},
    {"status": "resolved"},
    {"assignee": "none"},
    {"role_type": "nursing_leadership"},
    {"quality_flag": "reported_type_differs"},
    {"attention": "true"},
    {"attention": "false"},
    {"classification_agrees": "false"},
    {"absent": "only"},
    {"absent": "include"},
    {"search": "surgery"},
    {"search": "fac00015"},
    {"severity__gte": "90"},
    {"variance_percent__lt": "-50"},
    {"percentile_rank__gte": "99"},
    {"data_period__gte": "2026-04"},
    {"first_detected_at__lt": "2026-01-01T00:00:00Z"},
    {"domain": "Efficiency", "signal_type": "emerging_risk", "service_line": "Neurology"},
)


class Ground(Protocol):
    """Where the signals are made."""

    organization: Organization


class Asking:
    """One kept connection to a server, with a key."""

    def __init__(self, server: Server, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self._headers = {"X-API-Key": key, "Host": "localhost"}

    def ask(self, path: str) -> tuple[float, Any]:
        """Return the milliseconds until the answer was there, and the answer, which must be good."""
        started_s = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        spent_ms = (time.perf_counter() - started_s) * 1_000
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{path}: {body[:300].decode(errors='replace')}")
        return spent_ms, json.loads(body)


def read_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Make the signals, and ask."""
    count = COUNT_QUICK if stage.quick else COUNT
    person = User.objects.order_by("pk").first() or create_first_admin(
        email="bench@example.com", password=secrets.token_urlsafe(), organization_name="Bench"
    )
    stage.say(f"making {count:,} signals")
    fill(ground.organization, assignee=person.pk, count=count)
    asking = Asking(_start(stage), _key(ground.organization))
    asking.ask(SIGNALS)  # warm
    run = Run.objects.filter(organization=ground.organization, graph__name="bench").get()
    return [*_lists(stage, asking, run), _deep(stage, asking), *_sums(stage, asking)]


def _start(stage: Stage) -> Server:
    environ = {
        "LOG_FORMAT": "json",
        "RATE_LIMITS": UNLIMITED,
        "SEXTANT_ROLE": "web",
        "TRUSTED_PROXIES": "127.0.0.1/32",
    }
    return stage.start_uvicorn("config.asgi:application", environ=environ)


def _key(organization: Organization) -> str:
    _, key = create_api_key(
        actor=system_actor(organization), name="bench", role=Role.VIEWER, scopes=["signals:read"]
    )
    return key


def _lists(stage: Stage, asking: Asking, run: Run) -> Iterator[Row]:
    """Measure each filter in each order: of all answers, and of the slowest pair alone."""
    paths = [
        f"{SIGNALS}?{urlencode({**filters, 'sort': sort})}"
        for filters in (*FILTERS, {"run": str(run.pk)})
        for name in SORTS
        for sort in (name, f"-{name}")
    ]
    rounds = [[asking.ask(path)[0] for path in paths] for _ in range(stage.rounds)]
    middles = [statistics.median(times) for times in zip(*rounds, strict=True)]
    slowest = max(range(len(paths)), key=middles.__getitem__)
    stage.notes.append(f"Slowest list: {paths[slowest]}, {middles[slowest]:.0f} ms.")
    goals = [Goal(at_most=LIST_GOAL_MS)]
    yield Row(
        f"signal list, {len(paths)} pairs of filter and order, p95",
        "ms",
        list(map(_p95, rounds)),
        goals=goals,
    )
    yield Row("the slowest of these pairs", "ms", [times[slowest] for times in rounds], goals=goals)


def _deep(stage: Stage, asking: Asking) -> Row:
    """Measure the pages around the thousandth beside the first ones."""
    times: list[float] = []
    path = SIGNALS
    for _page in range(PAGES_QUICK if stage.quick else PAGES):
        spent_ms, body = asking.ask(path)
        times.append(spent_ms)
        parts = urlsplit(body["next"])
        path = f"{parts.path}?{parts.query}"
    last = len(times) // 10
    what = f"signal list, pages {len(times) - last + 1:,} to {len(times):,}, p95"
    return Row(
        what,
        "ms",
        [_p95(times[-last:])],
        {f"pages 1 to {last}": [_p95(times[:last])]},
        [Goal(at_most=LIST_GOAL_MS)],
    )


def _sums(stage: Stage, asking: Asking) -> Iterator[Row]:
    """Measure the sums over all signals."""
    count = 3 if stage.quick else 40
    for name in SUMS:
        samples = [
            _p95([asking.ask(f"{SIGNALS}/{name}")[0] for _ in range(count)]) for _ in range(stage.rounds)
        ]
        yield Row(f"{name} of all signals, p95", "ms", samples, goals=[Goal(at_most=SUM_GOAL_MS)])


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[min(int(len(times) * 0.95), len(times) - 1)]
