"""Too many failed sign-ins lock: an address at an IP, an address, an IP; known or not makes no difference."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts.models import AuditEntry, LoginFailure, Role, User
from apps.accounts.services import lockout, unlock_user
from apps.common.quotas import merged
from tests.factories.accounts import PASSWORD, OrganizationFactory, create_member

pytestmark = pytest.mark.django_db

Clock = time_machine.Traveller
LOGIN = "/api/v1/auth/login"


@pytest.fixture(autouse=True)
def many_attempts(settings: Settings) -> None:
    # Argon2id is slow on purpose, and these tests fail to sign in very often: the rate would end them first.
    settings.RATE_LIMITS = merged({"auth_login": 1_000, "auth_failed": 1_000})
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def user() -> User:
    return create_member(OrganizationFactory.create(), Role.VIEWER, password=make_password(PASSWORD))


def sign_in(email: str, password: str = PASSWORD, ip: str = "192.0.2.1") -> Any:
    body = {"email": email, "password": password}
    return APIClient(REMOTE_ADDR=ip).post(LOGIN, body, format="json")


def fail(email: str, times: int, ip: str = "192.0.2.1") -> list[str]:
    return [sign_in(email, "wrong but long", ip).json()["code"] for _ in range(times)]


def is_locked(answer: Any) -> bool:
    return (answer.status_code, answer.json().get("code")) == (429, "auth.locked")


@pytest.mark.parametrize("email", ["known", "nobody@example.com"])
def test_five_failures_lock_an_address_at_an_ip_for_a_quarter_of_an_hour(
    user: User, clock: Clock, email: str
) -> None:
    email = user.email if email == "known" else email
    assert fail(email, 5) == ["auth.invalid_credentials"] * 5

    refused = sign_in(email.upper())
    assert is_locked(refused)
    assert refused["Retry-After"] == "900"
    assert not is_locked(sign_in(email, ip="192.0.2.2"))
    clock.shift(899)
    assert is_locked(sign_in(email))
    clock.shift(1)
    assert not is_locked(sign_in(email))


def test_a_sign_in_starts_the_count_anew_and_old_failures_do_not_count(user: User, clock: Clock) -> None:
    fail(user.email, 4)
    assert sign_in(user.email).status_code == 200
    fail(user.email, 4)
    clock.shift(dt.timedelta(minutes=15))
    fail(user.email, 4)
    assert sign_in(user.email).status_code == 200


def test_twenty_failures_from_anywhere_lock_the_address_for_half_an_hour(user: User, clock: Clock) -> None:
    for number in range(5):
        fail(user.email, 4, ip=f"192.0.2.{number}")

    refused = sign_in(user.email, ip="198.51.100.9")
    assert is_locked(refused)
    assert refused["Retry-After"] == "1800"
    assert AuditEntry.objects.filter(verb="auth.address_locked", target_id=str(user.pk)).count() == 1
    clock.shift(1800)
    # A failure after the lock is a first one again.
    assert fail(user.email, 1, ip="198.51.100.9") == ["auth.invalid_credentials"]
    assert sign_in(user.email, ip="198.51.100.9").status_code == 200


def test_fifty_failures_of_any_addresses_lock_the_ip(user: User, clock: Clock) -> None:
    for number in range(50):
        fail(f"nobody{number}@example.com", 1)

    assert is_locked(sign_in(user.email))
    assert sign_in(user.email, ip="192.0.2.2").status_code == 200
    clock.shift(900)
    assert sign_in(user.email).status_code == 200


def test_a_lock_is_not_prolonged_by_trying_on(user: User, clock: Clock) -> None:
    fail(user.email, 5)
    clock.shift(600)
    assert fail(user.email, 3) == ["auth.locked"] * 3
    clock.shift(300)
    assert sign_in(user.email).status_code == 200


def test_pages_and_admin_count_together_with_the_api(user: User) -> None:
    browser = Client(REMOTE_ADDR="192.0.2.1")
    for _ in range(3):
        browser.post("/accounts/login/", {"login": user.email, "password": "wrong but long"})
    assert browser.get("/admin/login/", {"next": "/admin/accounts/"})["Location"] == (
        "/accounts/login/?next=%2Fadmin%2Faccounts%2F"
    )
    assert fail(user.email, 2) == ["auth.invalid_credentials"] * 2

    page = browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert page.status_code == 429
    assert int(page["Retry-After"]) > 800
    assert "too many failed sign-ins" in page.content.decode()
    assert is_locked(sign_in(user.email))


def test_an_operator_unlocks_wherever_the_failures_came_from(user: User) -> None:
    other = create_member(OrganizationFactory.create(), Role.VIEWER)
    for ip in ("192.0.2.1", "192.0.2.2"):
        fail(user.email, 5, ip=ip)
    fail(other.email, 5, ip="192.0.2.3")
    unlock_user(user=user, operator=other)

    assert all(sign_in(user.email, ip=ip).status_code == 200 for ip in ("192.0.2.1", "192.0.2.2"))
    assert is_locked(sign_in(other.email, ip="192.0.2.3"))


def test_every_failure_is_recorded_and_tells_nothing_of_the_address(user: User) -> None:
    fail(user.email, 1)
    fail("nobody@example.com", 1)

    known, unknown = AuditEntry.objects.filter(verb="auth.sign_in_failed").order_by("created_at")
    assert (known.target_id, known.ip, known.actor_id) == (str(user.pk), "192.0.2.1", None)
    assert unknown.target_id == ""
    keys = [bytes(row.scope_hash) for row in LoginFailure.objects.all()]
    assert len(keys) == 5
    assert not any(user.email.encode() in key for key in keys)


@pytest.mark.django_db(transaction=True)
def test_failures_at_once_are_all_counted() -> None:
    now = dt.datetime.now(dt.UTC)

    def count(_number: int) -> bool:
        try:
            return lockout.count_failure(email="a@example.com", ip="192.0.2.1", now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        has_locked = list(pool.map(count, range(40)))
    assert sorted(LoginFailure.objects.values_list("failures", flat=True)) == [40, 40, 40]
    assert has_locked.count(True) == 1
