"""InfluxDB's other calls: keys, statements, answers."""

import base64
import json
from typing import Any

import pytest

from apps.common.errors import Malformed, Throttled, TooLarge, Unauthenticated
from apps.metrics.doors.influx.answers import Answer, health, pong, refused, written
from apps.metrics.doors.influx.credentials import credential_of
from apps.metrics.doors.influx.parsing import parse_write
from apps.metrics.doors.influx.statements import answer_statement
from apps.metrics.errors import BatchSize, TypeConflict
from apps.metrics.points.batch import SECOND_US
from apps.metrics.points.timestamps import TimeWindow

WINDOW = TimeWindow(1_700_000_000 * SECOND_US)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def answered(answer: Answer) -> tuple[int, Any]:
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(
    ("header", "query", "key"),
    [
        ("Token abc", {}, "abc"),
        ("Bearer abc", {}, "abc"),
        ("bearer  abc ", {}, "abc"),
        (basic("user:abc"), {}, "abc"),
        (basic("user:a:b"), {}, "a:b"),
        ("", {"u": "user", "p": "abc"}, "abc"),
        ("Token abc", {"p": "other"}, "abc"),
        ("", {}, None),
        ("", {"p": ""}, None),
        ("Token ", {}, None),
        ("Digest abc", {"p": "abc"}, None),
        (basic("abc"), {}, None),
        (basic("user:"), {}, None),
        ("Basic %%%", {}, None),
        ("Basic /w==", {}, None),
    ],
)
def test_the_key_is_found(header: str, query: dict[str, str], key: str | None) -> None:
    assert credential_of({"authorization": header} if header else {}, query) == key


def test_a_write_without_faults_has_no_body() -> None:
    for is_v2 in (True, False):
        answer = written(parse_write(b"a value=1", "", WINDOW, max_points=9), is_v2=is_v2)
        assert (answer.status, answer.body) == (204, b"")


def test_a_write_with_faults_names_the_first_line_and_their_number() -> None:
    write = parse_write(b"a value=1\n\na value=x\na value=2\nb", "", WINDOW, max_points=9)
    status, body = answered(written(write, is_v2=True))
    assert (status, body["code"], body["line"]) == (400, "invalid", 3)
    assert "line 3: A value is" in body["message"]
    assert "2 of 4 lines were refused" in body["message"]
    status, body = answered(written(write, is_v2=False))
    assert (status, list(body)) == (400, ["error"])
    assert body["error"].startswith("partial write: line 3: ")


def test_errors_have_the_shape_of_each_version() -> None:
    assert answered(refused(Unauthenticated("no"), is_v2=True)) == (
        401,
        {"code": "unauthorized", "message": "no"},
    )
    assert answered(refused(Unauthenticated("no"), is_v2=False)) == (401, {"error": "no"})
    assert answered(refused(TooLarge("no"), is_v2=True)) == (
        413,
        {"code": "request too large", "message": "no"},
    )


def test_faults_of_content_are_400_on_which_no_client_retries() -> None:
    assert [refused(error("no"), is_v2=True).status for error in (BatchSize, TypeConflict, Malformed)] == [
        400
    ] * 3


def test_a_throttled_client_is_told_how_long_to_wait() -> None:
    answer = refused(Throttled("no", retry_after_s=7), is_v2=True)
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (429, "7")


def test_ping_and_health_name_a_version() -> None:
    assert (pong().status, pong().body) == (204, b"")
    assert "X-Influxdb-Version" in dict(pong().headers)
    status, body = answered(health())
    assert (status, body["name"], body["status"]) == (200, "influxdb", "pass")


@pytest.mark.parametrize("statement", ['CREATE DATABASE "x"', "create database x with duration 1d"])
def test_databases_are_created_in_name(statement: str) -> None:
    assert answered(answer_statement(statement)) == (200, {"results": [{"statement_id": 0}]})


@pytest.mark.parametrize("statement", ["SHOW DATABASES", " show  databases ; "])
def test_there_is_one_database(statement: str) -> None:
    series = [{"name": "databases", "columns": ["name"], "values": [["sextant"]]}]
    assert answered(answer_statement(statement)) == (
        200,
        {"results": [{"statement_id": 0, "series": series}]},
    )


@pytest.mark.parametrize(
    "statement", ["", "SELECT 1", "DROP DATABASE x", "SHOW DATABASES; DROP DATABASE x", "CREATE DATABASE"]
)
def test_other_statements_are_refused(statement: str) -> None:
    with pytest.raises(Malformed):
        answer_statement(statement)
