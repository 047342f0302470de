"""Each request has an id, one line in the log, and headers that harden its answer."""

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import Client
from django.urls import path
from structlog.testing import capture_logs

from apps.accounts.models import Organization
from apps.common import middleware
from apps.common.csp import CSP, build_policy, origins
from apps.common.logs import current_request_id
from tests.furniture.people import Actors


def two_queries(request: HttpRequest, number: int) -> HttpResponse:
    Organization.objects.count()
    Organization.objects.count()
    return HttpResponse(current_request_id())


def page(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string('<script nonce="{{ csp_nonce }}"></script>')
    return HttpResponse(template.render({}, request))


def own_policy(request: HttpRequest) -> HttpResponse:
    return HttpResponse("", headers={"Content-Security-Policy": "sandbox"})


urlpatterns = [
    path("things/<int:number>", two_queries),
    path("page", page),
    path("own", own_policy),
]
own_urls = pytest.mark.urls(__name__)


@own_urls
@pytest.mark.parametrize("known", ["a" * 8, "A-b_9" * 12, "0" * 64])
def test_a_good_request_id_is_kept_and_known_to_the_code(db: None, known: str) -> None:
    response = Client().get("/things/1", headers={"X-Request-Id": known})
    assert response["X-Request-Id"] == known
    assert response.content.decode() == known


@own_urls
@pytest.mark.parametrize("known", ["", "short", "0" * 65, "with space", "line\u2028break", "<script>"])
def test_any_other_request_id_is_replaced(db: None, known: str) -> None:
    made = Client().get("/things/1", headers={"X-Request-Id": known})["X-Request-Id"]
    assert made != known
    assert len(made) == 32


@own_urls
def test_one_line_says_how_the_request_went_without_its_ids(db: None) -> None:
    with capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        Client().get("/things/7?secret=1", headers={"X-Request-Id": "request-1"})
    (line,) = [line for line in lines if line["event"] == "request"]
    assert line["duration_ms"] > 0
    assert {name: value for name, value in line.items() if name != "duration_ms"} == {
        "event": "request",
        "log_level": "info",
        "request_id": "request-1",
        "method": "GET",
        "route": "things/<int:number>",
        "status": 200,
        "db_queries": 2,
        "ip": "127.0.0.1",
    }


@own_urls
def test_a_slow_request_is_a_warning(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "SLOW_MS", 0)
    with capture_logs() as lines:
        Client().get("/things/7")
    assert [line["log_level"] for line in lines if line["event"] == "request"] == ["warning"]


def test_the_line_of_an_api_call_names_user_and_organization(actors: Actors) -> None:
    analyst = actors.analyst
    with capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        assert analyst.api.get("/api/v1/api-keys").status_code == 200
    (line,) = [line for line in lines if line["event"] == "request"]
    assert analyst.user is not None
    assert line["user_id"] == str(analyst.user.pk)
    assert line["organization_id"] == str(actors.organization.pk)
    assert structlog.contextvars.get_contextvars() == {}


@own_urls
def test_a_nonce_is_stated_only_when_a_template_used_it() -> None:
    with_nonce, without = Client().get("/page"), Client().get("/missing")
    nonce = with_nonce.content.decode().split('"')[1]
    assert len(nonce) >= 16
    assert f"script-src 'self' 'nonce-{nonce}'" in with_nonce["Content-Security-Policy"]
    assert nonce not in Client().get("/page")["Content-Security-Policy"]
    assert "nonce" not in without["Content-Security-Policy"]
    assert without["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")


@own_urls
def test_an_answer_may_bring_a_policy_of_its_own() -> None:
    assert Client().get("/own")["Content-Security-Policy"] == "sandbox"


@own_urls
def test_every_answer_is_hardened() -> None:
    response = Client().get("/missing")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "geolocation=()" in response["Permissions-Policy"]


def test_a_directive_without_its_nonce_keeps_its_other_sources() -> None:
    directives = {"script-src": [CSP.SELF, CSP.NONCE], "base-uri": [CSP.NONE]}
    assert build_policy(directives, None) == "script-src 'self'; base-uri 'none'"


def test_map_addresses_join_the_policy_by_origin() -> None:
    found = origins(
        "https://{s}.tiles.example/{z}/{x}/{y}.png", "http://a.example:8080/style.json", "/local", ""
    )
    assert found == ["https://*.tiles.example", "http://a.example:8080"]
