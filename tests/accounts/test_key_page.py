"""The page of API keys: made, shown once, rotated, revoked, by whom that is allowed to."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, Session
from tests.furniture.people import Actors

PAGE = "/accounts/keys/"
FORM = {"name": "Loader", "role": "analyst", "scopes": ["accounts:read", "accounts:write"], "days": "90"}
RAW = re.compile(rb'value="(sxk_[0-9A-Za-z]{8}_[0-9A-Za-z]{38})"')

pytestmark = pytest.mark.usefixtures("plain_files")


@pytest.fixture
def plain_files(settings: Settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def raw_of(answer: Any) -> str:
    found = RAW.search(answer.content)
    assert found, answer.content[-3_000:]
    return found[1].decode()


def test_an_analyst_makes_a_key_and_sees_it_this_once(actors: Actors) -> None:
    empty = actors.analyst.browser.get(PAGE)
    assert b"No keys yet" in empty.content
    made = actors.analyst.browser.post(
        PAGE, FORM | {"rate_per_minute": "30", "allowed_cidrs": "127.0.0.0/8, ::1"}
    )

    assert made.status_code == 200
    assert "no-store" in made["Cache-Control"]
    raw = raw_of(made)
    answer = APIClient().get("/api/v1/api-keys", HTTP_X_API_KEY=raw)
    assert (answer.status_code, answer["RateLimit-Policy"]) == (200, '"api";q=30;w=60')
    row = ApiKey.objects.get()
    assert row.allowed_cidrs == ["127.0.0.0/8", "::1/128"]
    assert row.expires_at is not None
    assert 89 <= (row.expires_at - timezone.now()).days <= 90
    later = actors.analyst.browser.get(PAGE)
    assert b"None" not in later.content
    assert b"sxk_" + row.prefix.encode() in later.content
    assert raw.encode() not in later.content


def test_a_key_without_end_lasts_until_it_is_revoked(actors: Actors) -> None:
    raw = raw_of(actors.analyst.browser.post(PAGE, FORM | {"days": "0"}))
    row = ApiKey.objects.get()
    assert row.expires_at is None

    answer = actors.analyst.browser.post(f"{PAGE}{row.pk}/revoke/")
    assert answer.status_code == 302
    assert APIClient().get("/api/v1/api-keys", HTTP_X_API_KEY=raw).status_code == 401


def test_rotating_shows_the_new_key_and_keeps_the_old_one_for_a_day(actors: Actors) -> None:
    old = raw_of(actors.analyst.browser.post(PAGE, FORM))
    answer = actors.analyst.browser.post(f"{PAGE}{ApiKey.objects.get().pk}/rotate/")

    new = raw_of(answer)
    assert new != old
    for raw in (old, new):
        assert APIClient().get("/api/v1/api-keys", HTTP_X_API_KEY=raw).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"role": "admin"},
        {"scopes": []},
        {"scopes": ["datasets:manage"]},
        {"allowed_cidrs": "nowhere"},
        {"rate_per_minute": "0"},
        {"days": "7"},
    ],
)
def test_what_the_api_refuses_the_page_refuses_and_says_why(actors: Actors, wrong: dict[str, Any]) -> None:
    answer = actors.analyst.browser.post(PAGE, FORM | wrong)

    assert answer.status_code == 422
    assert b"field-error" in answer.content
    assert not ApiKey.objects.exists()


def test_a_key_that_manages_is_for_who_has_just_signed_in(actors: Actors) -> None:
    managing = FORM | {"scopes": ["datasets:manage"], "role": "admin"}
    raw_of(actors.admin.browser.post(PAGE, managing))
    row = ApiKey.objects.get()
    api = actors.admin.api
    assert api.get("/api/v1/me").status_code == 200
    Session.objects.update(reauthenticated_at=timezone.now() - dt.timedelta(minutes=16))

    assert actors.admin.browser.post(PAGE, managing).status_code == 422
    refused = actors.admin.browser.post(f"{PAGE}{row.pk}/rotate/")
    assert refused.status_code == 302
    assert get_messages(refused.wsgi_request)
    body = {"name": "x", "role": "admin", "scopes": ["datasets:manage"]}
    for address, sent in (("/api/v1/api-keys", body), (f"/api/v1/api-keys/{row.pk}/rotate", {})):
        answer = api.post(address, sent, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.reauthentication_required")
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("anonymous", 302)])
def test_the_page_is_for_who_may_make_keys(actors: Actors, name: str, status: int) -> None:
    assert actors[name].browser.get(PAGE).status_code == status
    assert actors[name].browser.post(PAGE, FORM).status_code == status


@pytest.mark.parametrize("act", ["rotate", "revoke"])
def test_keys_of_others_are_not_there(actors: Actors, act: str) -> None:
    actors.admin.browser.post(PAGE, FORM)
    row = ApiKey.objects.get()

    for name in ("analyst", "stranger"):
        assert actors[name].browser.post(f"{PAGE}{row.pk}/{act}/").status_code == 404
    assert ApiKey.objects.living().count() == 1
