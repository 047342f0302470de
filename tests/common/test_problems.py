"""Every refusal is a problem: the same shape, a stable code, the request's id."""

import gzip
import json
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts.models import Organization
from apps.common import problems
from apps.common.errors import DomainError, NotFound, Throttled, iter_error_classes
from apps.common.jobs.errors import Transient
from tests.furniture.people import Actors

ORGANIZATIONS = "/api/v1/organizations"
MEMBERS = {"type", "title", "status", "detail", "code", "errors", "request_id"}


def post_raw(client: APIClient, body: bytes | str, **extra: Any) -> Any:
    options = {"content_type": "application/json"} | extra
    return client.post(ORGANIZATIONS, body, **options)


def nested(depth: int) -> str:
    return '{"name": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "",
        "[1]",
        '"text"',
        '{"name": "a", "name": "b"}',
        '{"name": {"a": 1, "a": 2}}',
        '{"name": NaN}',
        '{"name": -Infinity}',
        '{"name": 1e999}',
        '{"name": "a\\u0000b"}',
        '{"a\\u0000": 1}',
        '{"name": "\\ud800"}',
        nested(33),
        nested(200_000),
        '{"name": ' + "9" * 5000 + "}",
        b'{"name": "\xff"}',
        '{"name": "a"} trailing',
    ],
)
def test_a_malformed_body_is_400(actors: Actors, body: str | bytes) -> None:
    answer = post_raw(actors.viewer.api, body or " ")

    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed"), body[:40]
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json().keys() == MEMBERS


def test_nesting_of_32_levels_is_still_read(actors: Actors) -> None:
    assert post_raw(actors.viewer.api, nested(32)).status_code == 422


def test_wrong_values_are_named_by_pointer(actors: Actors) -> None:
    body = {"name": "x" * 121, "slug": "Not OK", "colour": "red"}
    unknown = actors.viewer.api.post(ORGANIZATIONS, body, format="json").json()
    assert [(item["pointer"], item["code"]) for item in unknown["errors"]] == [("/colour", "unknown_field")]

    del body["colour"]
    answer = actors.viewer.api.post(ORGANIZATIONS, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    items = {item["pointer"]: item["code"] for item in answer.json()["errors"]}
    assert items == {"/name": "max_length", "/slug": "invalid"}


def test_a_body_over_one_mebibyte_is_413(actors: Actors) -> None:
    body = json.dumps({"name": "x" * (1024 * 1024)})
    answer = post_raw(actors.viewer.api, body)

    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


def test_another_media_type_is_415(actors: Actors) -> None:
    answer = post_raw(actors.viewer.api, "name=x", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["code"]) == (415, "request.unsupported_media_type")


def test_another_method_is_405_and_lists_the_allowed_ones(actors: Actors) -> None:
    answer = actors.viewer.api.put(ORGANIZATIONS, {}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (405, "request.method_not_allowed")
    assert {"GET", "POST"} <= set(answer["Allow"].split(", "))


def test_options_are_not_answered_and_not_listed(actors: Actors, client: Client) -> None:
    for caller in (actors.viewer.api, client):
        answer = caller.options(ORGANIZATIONS)
        assert (answer.status_code, answer.json()["code"]) == (405, "request.method_not_allowed")
        assert answer["Allow"] == "GET, POST, HEAD"


def test_a_compressed_body_is_415_and_not_inflated(actors: Actors) -> None:
    """Edge case 11: a bomb stays shut."""
    bomb = gzip.compress(b" " * 50_000_000)
    answer = actors.viewer.api.post(
        ORGANIZATIONS, bomb, content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "request.unsupported_media_type")


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_a_time_beyond_the_calendar_is_named(actors: Actors, time: str) -> None:
    key = {"name": "k", "role": "viewer", "scopes": ["datasets:read"], "expires_at": time}
    answer = actors.analyst.api.post("/api/v1/api-keys", key, format="json")

    assert answer.status_code == 422
    assert [(item["pointer"], item["code"]) for item in answer.json()["errors"]] == [
        ("/expires_at", "overflow")
    ]


def test_the_probe_takes_no_post(client: Client) -> None:
    answer = client.post("/api/v1/health")
    assert (answer.status_code, answer.json()["code"]) == (405, "request.method_not_allowed")
    assert answer["Allow"] == "GET, HEAD"


def test_a_format_that_is_not_served_is_406(actors: Actors) -> None:
    answer = actors.viewer.api.get(ORGANIZATIONS, headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (406, "request.not_acceptable")


@pytest.mark.parametrize("path", ["", "/no-such", "/api-keys/7", "/api-keys/%00", "/organizations/x/y"])
def test_an_unknown_address_and_a_malformed_id_are_404(actors: Actors, path: str) -> None:
    answer = actors.admin.api.get(f"/api/v1{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("/map", "/map/"),
        ("/datasets?page=2", "/datasets/?page=2"),
        ("/admin", "/admin/"),
        ("/api/docs", "/api/docs/"),
    ],
)
def test_a_page_typed_without_its_slash_is_found(client: Client, typed: str, address: str) -> None:
    answer = client.get(typed)
    assert (answer.status_code, answer["Location"]) == (301, address)


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/api/nowhere"])
def test_an_address_that_leads_nowhere_is_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_a_trailing_slash_is_sent_on_with_308(client: Client, method: str) -> None:
    answer = getattr(client, method)(f"{ORGANIZATIONS}/?page_size=2")

    assert (answer.status_code, answer["Location"]) == (308, f"{ORGANIZATIONS}?page_size=2")
    assert client.get("/api/v1/no-such/").status_code == 404


def test_the_request_id_is_kept_if_well_formed_and_made_otherwise(client: Client) -> None:
    for name, is_kept in (
        ("abcDEF_12-34", True),
        ("short", False),
        ("with blank!", False),
        ("x" * 65, False),
    ):
        answer = client.get(ORGANIZATIONS, headers={"X-Request-Id": name})
        assert (answer.json()["request_id"] == name) is is_kept
        assert answer["X-Request-Id"] == answer.json()["request_id"]
        assert problems.REQUEST_ID.fullmatch(answer["X-Request-Id"])


def test_a_forged_host_is_400(client: Client) -> None:
    answer = client.get(ORGANIZATIONS, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_of_ours_is_500_without_a_trace(
    actors: Actors, monkeypatch: pytest.MonkeyPatch, settings: Settings, debug: bool
) -> None:
    settings.DEBUG = debug
    api = actors.viewer.api
    api.raise_request_exception = False
    monkeypatch.setattr(Organization.objects, "visible_to", _fail_with(RuntimeError("a secret detail")))
    answer = api.get(ORGANIZATIONS)

    assert (answer.status_code, answer.json()["code"]) == (500, "server.error")
    assert b"secret" not in answer.content


def test_a_lost_database_is_503_with_retry_after(actors: Actors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Organization.objects, "visible_to", _fail_with(OperationalError("host 10.0.0.1")))
    answer = actors.viewer.api.get(ORGANIZATIONS)

    assert (answer.status_code, answer.json()["code"]) == (503, "service.unavailable")
    assert answer["Retry-After"] == "5"
    assert b"10.0.0.1" not in answer.content


def test_an_error_inside_the_error_renderer_is_a_plain_server_error() -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError

    error = NotFound("x", extra={"fact": Unprintable()})
    answer = problems.problem_response(RequestFactory().get("/api/v1/x"), error)

    assert (answer.status_code, json.loads(answer.content)["code"]) == (500, "server.error")


def test_a_throttled_caller_is_told_how_long_to_wait() -> None:
    answer = problems.problem_response(RequestFactory().get("/api/v1/x"), Throttled(retry_after_s=0))
    assert (answer.status_code, answer["Retry-After"]) == (429, "1")


def test_every_code_has_a_page_made_from_its_docstring(client: Client, settings: Settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    kind = client.get(ORGANIZATIONS).json()["type"]

    page = client.get(kind)
    assert page.status_code == 200
    assert "Sign in first." in page.content.decode()
    assert client.get("/problems/no.such").status_code == 404


def test_every_error_class_has_a_status_and_a_docstring_of_its_own() -> None:
    for cls in iter_error_classes(DomainError):
        assert cls.__doc__, cls
        is_of_jobs = cls.code.startswith("job.") or issubclass(cls, Transient)  # these answer no request
        # Stored points that are damaged are nobody's fault but ours, and have a code of their own.
        if not is_of_jobs and cls.code not in {"server.error", "metrics.corrupt_payload"}:
            assert problems.status_of(cls) < 500 or problems.status_of(cls) in {502, 503}, cls


def test_a_page_shows_the_same_facts_as_html(client: Client, settings: Settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    answer = client.get("/no/such/page", headers={"X-Request-Id": "request-0001"})

    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
    assert "request-0001" in answer.content.decode()
    assert "not_found" in answer.content.decode()


def _fail_with(error: Exception) -> Any:
    def fail(*_: HttpRequest, **__: Any) -> None:
        raise error

    return fail
