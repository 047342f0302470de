"""Line protocol at its door: keys, answers in InfluxDB's shape, and a body that counts once."""

import base64
import gzip
import time

import httpx
import pytest

from apps.metrics.models import Metric
from tests.furniture.people import Actors
from tests.metrics.sending.conftest import MakeKey
from tests.metrics.sending.test_native_door import in_thread, values_of

V1 = "/influx/write?db=x"
V2 = "/influx/api/v2/write?org=o&bucket=b&precision=s"


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"user:{key}".encode()).decode()


@pytest.mark.parametrize("scheme", ["Token {}", "Bearer {}", "basic", "p"])
async def test_the_key_stands_where_clients_put_it(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey, scheme: str
) -> None:
    key = await in_thread(make_key)
    headers = {"Authorization": basic(key) if scheme == "basic" else scheme.format(key)}
    address = f"{V1}&u=user&p={key}" if scheme == "p" else V1
    answer = await doors.post(
        address, content=b"cpu,host=a value=1.5", headers={} if scheme == "p" else headers
    )
    assert answer.status_code == 204
    assert answer.content == b""
    assert await in_thread(values_of, committed) == [1.5]


async def test_each_numeric_field_is_a_metric(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"Authorization": f"Token {await in_thread(make_key)}"}
    line = b'cpu,host=a value=1,user=2i,on=t,text="skipped, really"\n'
    assert (await doors.post(V1, content=line, headers=headers)).status_code == 204
    keys = await in_thread(lambda: sorted(Metric.objects.values_list("key", flat=True)))
    assert keys == ["cpu.on;host=a", "cpu.user;host=a", "cpu;host=a"]


async def test_good_lines_are_stored_and_the_first_bad_one_is_told(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"Authorization": f"Token {await in_thread(make_key)}"}
    lines = b"cpu value=1\ncpu value=NaN\nnonsense\ncpu value=2\n"
    second = await doors.post(V2, content=lines, headers=headers)
    assert second.status_code == 400
    assert {name: second.json()[name] for name in ("code", "line")} == {"code": "invalid", "line": 2}
    first = await doors.post(V1, content=b"cpu value=x", headers=headers)
    assert (first.status_code, list(first.json())) == (400, ["error"])
    assert await in_thread(values_of, committed) == [1.0, 2.0]


async def test_a_metric_of_another_type_is_told_as_a_bad_line(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    own = {"X-API-Key": key}
    await doors.post("/api/v1/metrics/counter", json={"metric": "hits"}, headers=own)
    headers = {"Authorization": f"Token {key}"}
    assert (await doors.post(V1, content=b"hits value=1.5", headers=headers)).status_code == 204
    assert await in_thread(values_of, committed) == [1.0, 1.5]


async def test_a_timed_body_sent_again_counts_once_and_an_untimed_one_twice(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"Authorization": f"Token {await in_thread(make_key)}"}
    timed = f"cpu value=1 {time.time_ns()}\ncpu value=2 {time.time_ns()}".encode()
    for _ in range(3):
        assert (await doors.post(V1, content=timed, headers=headers)).status_code == 204
    assert await in_thread(values_of, committed) == [1.0, 2.0]
    for _ in range(2):
        assert (await doors.post(V1, content=b"cpu value=7", headers=headers)).status_code == 204
    assert await in_thread(values_of, committed) == [1.0, 2.0, 7.0, 7.0]


async def test_a_compressed_body_sent_again_is_known(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    headers = {"Authorization": f"Token {await in_thread(make_key)}"}
    timed = f"cpu value=1 {time.time_ns()}".encode()
    await doors.post(V1, content=timed, headers=headers)
    packed = headers | {"Content-Encoding": "gzip"}
    assert (await doors.post(V1, content=gzip.compress(timed), headers=packed)).status_code == 204
    assert await in_thread(values_of, committed) == [1.0]


async def test_pings_need_no_key_and_all_else_does(doors: httpx.AsyncClient, make_key: MakeKey) -> None:
    assert (await doors.get("/influx/ping")).status_code == 204
    assert (await doors.head("/influx/ping/")).status_code == 204
    assert (await doors.get("/influx/health")).json()["status"] == "pass"
    assert (await doors.post(V1, content=b"cpu value=1")).json() == {"error": "Sign in first."}
    refused = await doors.post(V2, content=b"cpu value=1", headers={"Authorization": "Token nope"})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")


async def test_the_statements_before_a_write_are_answered(
    doors: httpx.AsyncClient, make_key: MakeKey
) -> None:
    headers = {"Authorization": f"Token {await in_thread(make_key)}"}
    made = await doors.post("/influx/query", data={"q": 'CREATE DATABASE "x"'}, headers=headers)
    shown = await doors.get("/influx/query?q=SHOW+DATABASES", headers=headers)
    other = await doors.get("/influx/query?q=SELECT+1", headers=headers)
    assert (made.status_code, made.json()) == (200, {"results": [{"statement_id": 0}]})
    assert shown.json()["results"][0]["series"][0]["columns"] == ["name"]
    assert other.status_code == 400


async def test_other_addresses_and_methods_are_refused(doors: httpx.AsyncClient) -> None:
    assert (await doors.post("/influx/other", content=b"")).status_code == 404
    assert (await doors.get("/influx/write")).status_code == 405
