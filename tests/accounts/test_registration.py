"""Registration, confirmation, forgotten passwords: links that work once, answers that tell nothing."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts.models import AccountRequest, AuditEntry, Membership, Notification, Role, Session, User
from apps.accounts.services import invite_member
from tests.factories.accounts import PASSWORD, OrganizationFactory, create_member
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db

Clock = time_machine.Traveller
AUTH = "/api/v1/auth"
NEW = "another long sentence"
RunJobs = Callable[[], int]


@pytest.fixture
def user() -> User:
    return create_member(OrganizationFactory.create(), Role.ANALYST)


@pytest.fixture
def is_open(settings: Settings) -> None:
    settings.SIGNUP_MODE = "open"


def post(path: str, **body: str) -> Any:
    return APIClient().post(f"{AUTH}/{path}", body, format="json")


def register(email: str = "new@example.com", password: str = PASSWORD, **more: str) -> Any:
    return post("register", email=email, name="Nora", password=password, **more)


def sign_in(email: str, password: str = PASSWORD) -> Any:
    return post("login", email=email, password=password)


def key_of(message: Any) -> str:
    found = re.search(r"http://\S+/accounts/(?:verify|password/reset)/([^/\s]+)/", str(message.body))
    assert found, message.body
    return found[1]


@pytest.mark.usefixtures("is_open")
def test_a_registration_is_confirmed_by_mail_and_gets_an_organization(run_jobs: RunJobs) -> None:
    assert register().status_code == 202
    run_jobs()

    assert sign_in("new@example.com").json()["code"] == "auth.email_unverified"
    [message] = mail.outbox
    assert message.to == ["new@example.com"]
    key = key_of(message)
    assert post("verify-email", key=key).status_code == 204
    pair = sign_in("new@example.com")
    assert pair.status_code == 200
    assert pair.json()["organization"]["name"] == "Nora"
    assert Membership.objects.get(user__email="new@example.com").role == "admin"
    again = post("verify-email", key=key)
    assert (again.status_code, again.json()["code"]) == (422, "auth.link_invalid")
    assert {"auth.registered", "auth.email_verified"} <= set(
        AuditEntry.objects.values_list("verb", flat=True)
    )


@pytest.mark.usefixtures("is_open")
def test_a_known_address_gets_the_same_answer_and_keeps_its_password(user: User, run_jobs: RunJobs) -> None:
    known, unknown = register(user.email.upper(), NEW), register()
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b"")
    run_jobs()

    assert sign_in(user.email).status_code == 200
    assert [message.subject for message in mail.outbox if message.to == [user.email]] == [
        "You have an account already"
    ]


@pytest.mark.usefixtures("is_open")
def test_the_newest_registration_of_an_unconfirmed_address_counts(run_jobs: RunJobs) -> None:
    for password in (PASSWORD, NEW):
        register(password=password)
        run_jobs()
    first, second = map(key_of, mail.outbox)
    assert post("verify-email", key=first).json()["code"] == "auth.link_invalid"
    assert post("verify-email", key=second).status_code == 204
    assert sign_in("new@example.com", NEW).status_code == 200


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_without_an_invitation_nobody_registers_unless_it_is_open(
    settings: Settings, mode: str, user: User
) -> None:
    settings.SIGNUP_MODE = mode
    for email in (user.email, "new@example.com"):
        refused = register(email)
        assert (refused.status_code, refused.json()["code"]) == (403, "accounts.signup_closed")
    assert Client().get("/accounts/signup/").status_code == 403
    assert not AccountRequest.objects.exists()


def test_an_invitation_confirms_the_address_and_joins(actors: Actors, run_jobs: RunJobs) -> None:
    invite_member(actor=actors.admin.actor, email="new@example.com", role=Role.ANALYST)
    run_jobs()
    found = re.search(r"/accounts/invitations/([^/\s]+)/", str(mail.outbox[0].body))
    assert found
    assert register("other@example.com", invitation_token=found[1]).status_code == 403
    assert register(invitation_token=found[1]).status_code == 202
    run_jobs()

    assert sign_in("new@example.com").json()["organization"]["id"] == str(actors.organization.pk)
    assert Membership.objects.get(user__email="new@example.com").role == "analyst"


def test_what_waits_to_be_answered_is_sealed_and_then_blank(
    settings: Settings, user: User, run_jobs: RunJobs
) -> None:
    settings.SIGNUP_MODE = "open"
    register(user.email)
    row = AccountRequest.objects.get()
    assert user.email.encode() not in bytes(row.payload)
    assert b"argon2" not in bytes(row.payload)
    run_jobs()
    assert bytes(AccountRequest.objects.get().payload) == b""


def test_a_forgotten_password_is_set_by_a_link_that_works_once_and_unlocks(
    user: User, run_jobs: RunJobs
) -> None:
    signed_in = sign_in(user.email).json()["access"]
    for _ in range(5):
        sign_in(user.email, "wrong but long")
    assert sign_in(user.email).json()["code"] == "auth.locked"
    known, unknown = (post("password/forgot", email=email) for email in (user.email, "nobody@example.com"))
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b"")
    run_jobs()
    [message] = mail.outbox
    key = key_of(message)

    weak = post("password/reset", key=key, password="short")
    assert (weak.status_code, weak.json()["errors"][0]["pointer"]) == (422, "/password")
    assert post("password/reset", key=key, password=NEW).status_code == 204
    assert post("password/reset", key=key, password=PASSWORD).json()["code"] == "auth.link_invalid"
    assert sign_in(user.email, NEW).status_code == 200
    old = APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {signed_in}")
    assert old.json()["code"] == "auth.session_revoked"
    assert Notification.objects.filter(user=user, kind="accounts.password_changed").exists()


@pytest.mark.parametrize(("path", "hours"), [("password/reset", 1), ("verify-email", 72)])
def test_links_end_and_do_not_stand_in_for_each_other(
    user: User, clock: Clock, run_jobs: RunJobs, path: str, hours: int
) -> None:
    User.objects.update(email_verified_at=None)
    asked = {"password/reset": "password/forgot", "verify-email": "verify-email/resend"}
    more = {"password": NEW} if path == "password/reset" else {}
    other = {"password": NEW} if not more else {}
    post(asked[path], email=user.email)
    run_jobs()
    key = key_of(mail.outbox[0])

    other_path = "verify-email" if more else "password/reset"
    assert post(other_path, key=key, **other).json()["code"] == "auth.link_invalid"
    for wrong in (key[:-2], "x", f"{key}x"):
        assert post(path, key=wrong, **more).json()["code"] == "auth.link_invalid"
    clock.shift(dt.timedelta(hours=hours, seconds=1))
    assert post(path, key=key, **more).json()["code"] == "auth.link_invalid"
    clock.shift(-2)
    assert post(path, key=key, **more).status_code == 204


def test_links_in_mails_begin_with_our_address_whatever_host_was_asked(
    user: User, settings: Settings, run_jobs: RunJobs
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.BASE_URL = "http://sextant.example.com"
    APIClient(HTTP_HOST="evil.example.org").post(
        f"{AUTH}/password/forgot", {"email": user.email}, format="json"
    )
    run_jobs()
    assert "evil" not in str(mail.outbox[0].body)
    assert "http://sextant.example.com/accounts/password/reset/" in str(mail.outbox[0].body)


@pytest.mark.usefixtures("is_open")
def test_people_register_confirm_and_forget_on_pages(run_jobs: RunJobs) -> None:
    browser = Client()
    form = {"email": "new@example.com", "name": "Nora", "password": "short"}
    weak = browser.post("/accounts/signup/", form)
    assert (weak.status_code, "at least 10" in weak.content.decode()) == (422, True)
    assert browser.post("/accounts/signup/", form | {"password": PASSWORD}).status_code == 302
    run_jobs()
    page = f"/accounts/verify/{key_of(mail.outbox[-1])}/"
    assert browser.get(page).status_code == 200
    assert User.objects.get().email_verified_at is None
    assert browser.post(page)["Location"] == "/accounts/login/"
    browser.post("/accounts/password/forgot/", {"email": "new@example.com"})
    run_jobs()
    page = f"/accounts/password/reset/{key_of(mail.outbox[-1])}/"
    assert browser.post(page, {"password": NEW})["Location"] == "/accounts/login/"
    assert browser.post(page, {"password": NEW}).status_code == 422
    assert browser.post("/accounts/login/", {"login": "new@example.com", "password": NEW}).status_code == 302


def test_people_see_end_and_prove_sessions_on_pages(user: User) -> None:
    browser, other = Client(), Client(HTTP_USER_AGENT="Elsewhere")
    for each in (browser, other):
        each.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert "Elsewhere" in browser.get("/accounts/sessions/").content.decode()
    assert Notification.objects.get(user=user).kind == "accounts.new_sign_in"
    there = Session.objects.get(user_agent="Elsewhere")
    browser.post(f"/accounts/sessions/{there.pk}/end/")
    assert other.get("/").status_code == 302
    assert (
        browser.post("/accounts/reauthenticate/?next=//evil.example.org", {"password": PASSWORD})["Location"]
        == "/"
    )
    wrong = browser.post("/accounts/password/change/", {"current": "wrong but long", "new": NEW})
    assert wrong.status_code == 401
    assert browser.post("/accounts/password/change/", {"current": PASSWORD, "new": NEW}).status_code == 302
    assert browser.get("/accounts/sessions/").status_code == 200
    browser.post("/accounts/sessions/end/")
    assert browser.get("/accounts/sessions/").status_code == 302


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize("path", ["register", "password/forgot", "verify-email/resend"])
@pytest.mark.parametrize("is_known", [True, False])
def test_the_sixth_mail_of_an_hour_to_an_address_is_429_whoever_has_it(
    user: User, path: str, *, is_known: bool
) -> None:
    email = user.email if is_known else "nobody@example.com"
    body = {"email": email} | ({"name": "Nora", "password": PASSWORD} if path == "register" else {})
    answers = [post(path, **body) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {202}
    refused = post(path, **body | {"email": email.upper()})
    assert (refused.status_code, refused.json()["code"]) == (429, "rate.limited")
    assert refused["RateLimit-Policy"] == '"auth_mail";q=5;w=3600'
    assert int(refused["Retry-After"]) >= 700
    assert post(path, **body | {"email": "another@example.com"}).status_code == 202


@pytest.mark.usefixtures("is_open")
def test_twenty_mails_of_an_hour_go_out_for_one_network_address() -> None:
    paths = ("password/forgot", "verify-email/resend")
    statuses = [post(paths[n % 2], email=f"person{n}@example.com").status_code for n in range(21)]
    assert statuses == [202] * 20 + [429]
    assert register().status_code == 429


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize(
    "name", ["account_signup", "accounts:forgot-password", "accounts:resend-verification"]
)
def test_pages_count_mails_with_the_api(name: str) -> None:
    for _ in range(5):
        assert post("password/forgot", email="nora@example.com").status_code == 202
    body = {"email": "nora@example.com", "name": "Nora", "password": PASSWORD}
    refused = Client().post(reverse(name), body)
    assert (refused.status_code, refused["RateLimit-Policy"]) == (429, '"auth_mail";q=5;w=3600')
    assert AccountRequest.objects.count() == 5
