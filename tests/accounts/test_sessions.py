"""Sessions of pages and of the API: in one list, ended one by one or all at once, never past their end."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session as DjangoSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.accounts.authentication import Credentials
from apps.accounts.models import AuditEntry, Role, Session, User
from apps.accounts.services import require_recent_authentication, sign_in
from apps.accounts.services.sessions import ReauthenticationRequired, stored_key
from tests.factories.accounts import PASSWORD, OrganizationFactory, create_member
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db

Clock = time_machine.Traveller
SESSIONS = "/api/v1/auth/sessions"
NEW = "another long sentence"


@pytest.fixture
def user() -> User:
    return create_member(OrganizationFactory.create(), Role.ANALYST)


def page_of(user: User, password: str = PASSWORD, **headers: Any) -> APIClient:
    browser = APIClient(**headers)
    form = {"login": user.email, "password": password, "remember": "on"}
    answer = browser.post("/accounts/login/", form)
    assert answer.status_code == 302, answer.content
    return browser


def program_of(user: User, label: str = "") -> APIClient:
    client = APIClient()
    pair = sign_in(email=user.email, password=PASSWORD, label=label)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    return client


def is_in(client: Client) -> bool:
    return client.get("/api/v1/me").status_code == 200


def rows_of(client: APIClient) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(SESSIONS).json()["results"]
    return rows


def test_pages_and_programs_stand_in_one_list_which_knows_the_current_one(user: User) -> None:
    browser, program = (
        page_of(user, HTTP_USER_AGENT="Firefox", REMOTE_ADDR="192.0.2.1"),
        program_of(user, "ci"),
    )
    page_of(create_member(OrganizationFactory.create(), Role.ADMIN))

    newest, oldest = rows_of(browser)
    assert (newest["kind"], newest["label"], newest["current"]) == ("token", "ci", False)
    assert (oldest["kind"], oldest["ip"], oldest["user_agent"]) == ("page", "192.0.2.1", "Firefox")
    assert oldest["current"] is True
    assert [row["current"] for row in rows_of(program)] == [True, False]
    assert "jti" not in str(newest)
    assert "django_key" not in oldest


def test_a_session_is_named_and_ended_and_its_cookie_is_refused_at_once(user: User) -> None:
    browser, program = page_of(user), program_of(user)
    [here] = [row for row in rows_of(program) if row["kind"] == "page"]

    named = program.patch(f"{SESSIONS}/{here['id']}", {"label": "office"}, format="json")
    assert (named.status_code, named.json()["label"]) == (200, "office")
    assert program.delete(f"{SESSIONS}/{here['id']}").status_code == 204
    assert not is_in(browser)
    assert browser.get("/").status_code == 302
    assert is_in(program)
    assert program.delete(f"{SESSIONS}/{here['id']}").status_code == 404
    assert AuditEntry.objects.filter(verb="auth.signed_out", actor_id=user.pk).count() == 1


def test_nobody_sees_or_ends_the_session_of_another(user: User, actors: Actors) -> None:
    program = program_of(user)
    [row] = rows_of(program)
    for name in ("admin", "stranger"):
        client = actors[name].api
        assert client.delete(f"{SESSIONS}/{row['id']}").status_code == 404
        assert client.patch(f"{SESSIONS}/{row['id']}", {"label": "x"}, format="json").status_code == 404
    assert actors.key.api.get(SESSIONS).status_code == 403
    assert actors.anonymous.api.get(SESSIONS).status_code == 401
    assert is_in(program)


def test_the_list_takes_the_same_queries_for_every_length(user: User, same_queries: Check) -> None:
    program = program_of(user)
    sessions = iter(range(100))

    def open_one() -> None:
        if next(sessions) < 19:
            program_of(user)

    same_queries("auth sessions", open_one, lambda: program.get(SESSIONS))


def test_signing_out_of_a_page_ends_its_row_whichever_door_is_taken(user: User) -> None:
    leavings: list[Callable[[APIClient], object]] = [
        lambda browser: browser.post("/accounts/logout/"),
        lambda browser: browser.post("/api/v1/auth/logout"),
        APIClient.logout,
    ]
    for leave in leavings:
        browser = page_of(user)
        leave(browser)
        assert not is_in(browser)
        assert not Session.objects.live().exists()
    assert not DjangoSession.objects.exists()


def test_signing_out_everywhere_ends_all_and_only_ones_own(user: User) -> None:
    other = page_of(create_member(OrganizationFactory.create(), Role.VIEWER))
    browser, program = page_of(user), program_of(user)

    assert program.post("/api/v1/auth/logout-all").status_code == 204
    assert not is_in(browser)
    assert program.get("/api/v1/me").json()["code"] == "auth.session_revoked"
    assert is_in(other)


def test_a_page_slides_fourteen_days_but_ends_after_ninety(user: User, clock: Clock) -> None:
    browser = page_of(user)
    for _ in range(6):
        clock.shift(dt.timedelta(days=13))
        assert is_in(browser)
    clock.shift(dt.timedelta(days=11, hours=23))
    assert is_in(browser)
    assert browser.cookies["sx_session"]["max-age"] == 3600
    clock.shift(dt.timedelta(hours=1))
    assert not is_in(browser)


def test_a_page_that_nobody_uses_for_fourteen_days_is_over(user: User, clock: Clock) -> None:
    browser = page_of(user)
    clock.shift(dt.timedelta(days=14, seconds=1))
    assert not is_in(browser)


def test_use_is_noted_every_five_minutes_and_costs_nothing_in_between(user: User, clock: Clock) -> None:
    browser = page_of(user)
    signed_in_at = Session.objects.get().last_used_at
    clock.shift(300)
    with CaptureQueriesContext(connection) as queries:
        assert is_in(browser)
    tables = [query["sql"] for query in queries if "accounts_session" in query["sql"]]
    assert (tables, Session.objects.get().last_used_at) == ([], signed_in_at)
    clock.shift(1)
    assert is_in(browser)
    assert Session.objects.get().last_used_at == signed_in_at + dt.timedelta(seconds=301)  # type: ignore[operator]


def test_the_21st_session_ends_the_oldest_even_if_that_is_a_page(user: User) -> None:
    browser = page_of(user)
    for _ in range(20):
        newest = program_of(user)
    assert not is_in(browser)
    assert is_in(newest)
    assert Session.objects.live().count() == 20


def test_a_page_gets_tokens_for_its_csrf_token_and_nobody_else_does(user: User) -> None:
    browser = page_of(user)
    browser.handler.enforce_csrf_checks = True
    refused = browser.post("/api/v1/auth/token", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.csrf_failed")
    browser.cookies["sx_csrf"] = "a" * 32
    given = browser.post("/api/v1/auth/token", {"label": "cli"}, format="json", HTTP_X_CSRFTOKEN="a" * 32)

    assert given.status_code == 200, given.content
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {given.json()['access']}")
    assert is_in(program)
    assert [row["label"] for row in rows_of(program)] == ["cli", ""]
    again = program.post("/api/v1/auth/token", {}, format="json")
    assert (again.status_code, again.json()["code"]) == (401, "auth.required")


def test_a_new_password_ends_all_other_sessions_and_spares_the_one_in_use(user: User) -> None:
    browser, other_browser, program = page_of(user), page_of(user), program_of(user)
    change = {"current": PASSWORD, "new": NEW}
    answer = browser.post("/api/v1/auth/password/change", change, format="json")

    assert answer.status_code == 204, answer.content
    assert is_in(browser)
    assert not is_in(other_browser)
    assert not is_in(program)
    assert is_in(page_of(user, NEW))
    program = APIClient()
    pair = sign_in(email=user.email, password=NEW)
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    back = {"current": NEW, "new": PASSWORD}
    assert program.post("/api/v1/auth/password/change", back, format="json").status_code == 204
    assert is_in(program)
    assert not is_in(browser)


def test_a_wrong_current_password_is_401_and_counts_although_a_key_for_repeating_is_sent(user: User) -> None:
    program = program_of(user)
    body = {"current": "wrong but long", "new": NEW}
    codes = [
        program.post(
            "/api/v1/auth/password/change", body, format="json", HTTP_IDEMPOTENCY_KEY=f"try-{number}"
        ).json()["code"]
        for number in range(6)
    ]
    assert codes == ["auth.invalid_credentials"] * 5 + ["auth.locked"]


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("short", "password_too_short"),
        ("password12345", "password_too_common"),
        ("person-of-the-house@example", "password_too_similar"),
        ("x" * 129, "password_too_long"),
    ],
)
def test_a_weak_password_is_422_and_says_why(user: User, new: str, code: str) -> None:
    user.email = "person-of-the-house@example.com"
    user.save()
    body = {"current": PASSWORD, "new": new}
    answer = program_of(user).post("/api/v1/auth/password/change", body, format="json")

    assert answer.status_code == 422
    assert [(item["pointer"], item["code"]) for item in answer.json()["errors"]] == [("/new", code)]


def test_what_is_recent_ends_after_fifteen_minutes_and_begins_again(user: User, clock: Clock) -> None:
    program = program_of(user)
    credentials = Credentials(user=user, session=Session.objects.get())
    clock.shift(900)
    require_recent_authentication(credentials)
    clock.shift(1)
    with pytest.raises(ReauthenticationRequired):
        require_recent_authentication(credentials)
    wrong = program.post("/api/v1/auth/reauthenticate", {"password": "wrong but long"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "auth.invalid_credentials")
    right = program.post("/api/v1/auth/reauthenticate", {"password": PASSWORD}, format="json")
    assert right.status_code == 204
    require_recent_authentication(credentials)


def test_a_key_proves_nothing(actors: Actors) -> None:
    with pytest.raises(ReauthenticationRequired):
        require_recent_authentication(Credentials(api_key=actors.key.key))
    answer = actors.key.api.post("/api/v1/auth/reauthenticate", {"password": "x"}, format="json")
    assert answer.status_code == 403


def test_tokens_of_a_page_are_as_recently_proven_as_the_page(user: User, clock: Clock) -> None:
    browser = page_of(user)
    clock.shift(901)
    browser.post("/api/v1/auth/token", {}, format="json")
    session = Session.objects.get(kind="token")
    with pytest.raises(ReauthenticationRequired):
        require_recent_authentication(Credentials(user=user, session=session))


def test_an_unconfirmed_address_signs_in_nowhere_and_only_the_right_password_learns_why(user: User) -> None:
    User.objects.update(email_verified_at=None)
    body = {"email": user.email, "password": PASSWORD}
    refused = APIClient().post("/api/v1/auth/login", body, format="json")
    wrong = APIClient().post("/api/v1/auth/login", body | {"password": "wrong but long"}, format="json")
    page = Client().post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert (refused.status_code, refused.json()["code"]) == (403, "auth.email_unverified")
    assert wrong.json()["code"] == "auth.invalid_credentials"
    assert (page.status_code, "not confirmed" in page.content.decode()) == (403, True)


def test_the_tables_hold_no_key_that_a_cookie_could_carry(actors: Actors) -> None:
    browser = actors.viewer.browser
    key = browser.cookies[settings.SESSION_COOKIE_NAME].value
    assert browser.get("/").status_code == 200
    [stored] = DjangoSession.objects.values_list("session_key", flat=True)
    [session] = Session.objects.filter(user=actors.viewer.user)
    assert session.django_key == stored == stored_key(key) != key

    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = stored
    assert thief.get("/").status_code == 302
    assert browser.post(f"/accounts/sessions/{session.pk}/end/").status_code == 302
    assert not DjangoSession.objects.exists()
