"""Scripts of other origins: only exact ones, never with cookies, and they can read our headers."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _one_origin(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]


def preflight(origin: str, path: str = "/api/v1/me") -> dict[str, str]:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,if-match",
    }
    return dict(Client().options(path, headers=headers).headers)


def test_a_listed_origin_may_call_without_cookies() -> None:
    answer = preflight("https://app.example")
    assert answer["access-control-allow-origin"] == "https://app.example"
    assert "PATCH" in answer["access-control-allow-methods"]
    assert "if-match" in answer["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer


@pytest.mark.parametrize(
    "origin", ["https://app.example.evil", "http://app.example", "https://app.example:8443", "null"]
)
def test_another_origin_may_not(origin: str) -> None:
    assert "access-control-allow-origin" not in preflight(origin)


def test_pages_are_for_no_other_origin() -> None:
    assert "access-control-allow-origin" not in preflight("https://app.example", "/accounts/login/")


def test_the_headers_that_clients_need_can_be_read() -> None:
    answer = Client().get("/api/v1/me", headers={"Origin": "https://app.example"})
    exposed = answer["Access-Control-Expose-Headers"]
    assert answer.status_code == 401
    assert {"etag", "retry-after", "ratelimit", "location"} <= set(exposed.split(", "))
    assert "origin" in answer["Vary"].lower()
