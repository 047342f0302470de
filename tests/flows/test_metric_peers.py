"""One payload of line protocol into InfluxDB, VictoriaMetrics and Sextant gives the same points."""

import datetime as dt
import http.client
import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from benchmarks import metrics_peers as peers
from benchmarks.stage import Stage
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(
        not (shutil.which("victoria-metrics") and shutil.which("influxd")),
        reason="the Debian packages victoria-metrics and influxdb are not installed",
    ),
]

# Series with sorted tags, milliseconds since 1970, value.
Point = tuple[str, int, float]

LINES = r"""
# A comment, and a blank line

temp value=21.5 {0}
temp value=-3e-2 {1}
disk,host=a,path=/var used=10i,free=7.25 {0}
disk,path=/var,host=a used=12i {2}
disk,host=b used=0i,free=1e3 {1}
the\ room,floor=ground\ floor,a\,b=c\=d value=1 {0}
door,room=1 open=t {0}
door,room=1 open=false {1}
door,room=1 open=TRUE {2}
"""


def payload(first_s: int) -> str:
    """Return the lines with times in nanoseconds that are whole milliseconds, which all three keep."""
    times = [first_s * 10**9, first_s * 10**9 + 1_000_000, (first_s + 61) * 10**9 + 999_000_000]
    return LINES.format(*times)


def series(measurement: str, tags: dict[str, str]) -> str:
    """Return the key of a metric: a field called `value` is the measurement itself."""
    name = measurement.removesuffix(".value")
    return ";".join([name, *(f"{tag}={value}" for tag, value in sorted(tags.items()))])


def ask(port: int, path: str, *, method: str = "GET", body: str = "") -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body.encode())
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status < 300, content
    return content


def points_of_victoria(port: int) -> Iterable[Point]:
    every = quote('{__name__!=""}')
    for line in ask(port, f"/api/v1/export?match[]={every}").splitlines():
        exported = json.loads(line)
        tags = exported["metric"]
        tags.pop("db", None)
        measurement = tags.pop("__name__").replace("_", ".")
        for at_ms, value in zip(exported["timestamps"], exported["values"], strict=True):
            yield series(measurement, tags), at_ms, float(value)


def points_of_influx(port: int) -> Iterable[Point]:
    query = quote("SELECT * FROM /.*/ GROUP BY *")
    answer = json.loads(ask(port, f"/query?db={peers.DATABASE}&epoch=ms&q={query}"))
    for found in answer["results"][0].get("series", []):
        tags = {tag: value for tag, value in found.get("tags", {}).items() if value}
        for at_ms, *values in found["values"]:
            for field, value in zip(found["columns"][1:], values, strict=True):
                if value is not None:
                    yield series(f"{found['name']}.{field}", tags), at_ms, float(value)


def points_of_sextant(stack: Stack, key: str, first_s: int) -> Iterable[Point]:
    with httpx.Client(base_url=f"{stack.url}/api/v1", headers={"X-API-Key": key}, timeout=60) as client:

        def get(path: str) -> Any:
            answer = client.get(path)
            assert answer.status_code == 200, answer.text
            return answer.json()["results"]

        for metric in get("/metrics?page_size=200"):
            path = f"/metrics/{metric['id']}/points?from={first_s}&to={first_s + 3_600}&page_size=1000"
            for point in get(path):
                at = dt.datetime.fromisoformat(point["recorded_at"])
                yield metric["metric"], round(at.timestamp() * 1_000), float(point["value"])


def expect_soon(expected: set[Point], port: int) -> None:
    """VictoriaMetrics shows points a second or two after it has taken them."""
    deadline_s = time.monotonic() + 120
    while (found := set(points_of_victoria(port))) != expected and time.monotonic() < deadline_s:
        time.sleep(0.2)
    assert found == expected


def test_all_three_read_the_same_points(stack: Stack, stack_actors: Actors, tmp_path: Path) -> None:
    scopes = ["metrics:ingest", "metrics:read"]
    _, key = create_api_key(actor=stack_actors.admin.actor, name="Sender", role=Role.ANALYST, scopes=scopes)
    first_s = int(time.time()) - 600
    body = payload(first_s)
    write = f"/write?db={peers.DATABASE}&precision=ns"

    with Stage(tmp_path, quick=True, quiet=True) as stage:
        influx, victoria = peers.influx(stage), peers.victoria(stage)
        ask(influx.port, f"/query?q=CREATE+DATABASE+{peers.DATABASE}", method="POST")
        for port in (influx.port, victoria.port):
            ask(port, write, method="POST", body=body)
        headers = {"Authorization": f"Token {key}"}
        answer = httpx.post(f"{stack.url}/influx{write}", content=body, headers=headers, timeout=60)
        assert answer.status_code == 204, answer.text

        ours = set(points_of_sextant(stack, key, first_s))
        assert len(ours) == 11
        assert ours == set(points_of_influx(influx.port))
        expect_soon(ours, victoria.port)
