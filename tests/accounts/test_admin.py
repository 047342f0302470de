"""The admin of accounts: operators look and act, nobody else enters, no secret is shown."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts import keys
from apps.accounts.models import ApiKey, AuditEntry, Notification, Organization, Session
from apps.accounts.services import delete_organization
from tests.factories.accounts import PASSWORD, UserFactory
from tests.furniture.people import Actors

TABLES = ["user", "organization", "session", "apikey", "notification"]


@pytest.fixture
def operator(settings: Settings, db: None) -> Client:
    # The page's files are collected by `up`; here their plain names will do.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    client = Client()
    client.force_login(UserFactory.create(is_staff=True))
    return client


def sign_in(actors: Actors) -> Any:
    assert actors.viewer.user is not None
    body = {"email": actors.viewer.user.email, "password": PASSWORD}
    return APIClient().post("/api/v1/auth/login", body, format="json")


def act(operator: Client, table: str, action: str, row: Any) -> Any:
    url = f"/admin/accounts/{table}/"
    answer = operator.post(url, {"action": action, "_selected_action": [str(row.pk)]})
    assert answer.status_code == 302, answer.content
    return answer


@pytest.mark.parametrize("table", TABLES)
def test_staff_see_the_rows_and_nobody_else_does(operator: Client, actors: Actors, table: str) -> None:
    sign_in(actors)
    assert actors.key.key is not None
    assert actors.viewer.user is not None
    row = {
        "user": actors.viewer.user,
        "organization": actors.organization,
        "session": Session.objects.get(),
        "apikey": actors.key.key,
        "notification": Notification.objects.create(
            user=actors.viewer.user, kind="a.kind", title="Secret argon2", dedupe_key="one"
        ),
    }[table]
    assert row is not None

    for url in (f"/admin/accounts/{table}/", f"/admin/accounts/{table}/{row.pk}/change/"):
        page = operator.get(url)
        assert page.status_code == 200
        assert b"argon2" not in page.content
        assert actors.admin.browser.get(url).status_code == 302
    assert operator.get(f"/admin/accounts/{table}/add/").status_code == 403
    assert operator.get(f"/admin/accounts/{table}/{row.pk}/delete/").status_code == 403


def test_an_operator_ends_sessions_and_locks_people_out(operator: Client, actors: Actors) -> None:
    access = sign_in(actors).json()["access"]
    act(operator, "user", "end_sessions", actors.viewer.user)
    answer = APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {access}")
    assert answer.json()["code"] == "auth.session_revoked"

    act(operator, "user", "lock", actors.viewer.user)
    assert sign_in(actors).status_code == 401
    act(operator, "user", "unlock", actors.viewer.user)
    assert sign_in(actors).status_code == 200
    act(operator, "session", "end", Session.objects.order_by("created_at").last())
    assert not Session.objects.live().exists()


def test_an_operator_suspends_and_restores_an_organization(operator: Client, actors: Actors) -> None:
    act(operator, "organization", "suspend", actors.organization)
    first = Organization.objects.get(pk=actors.organization.pk).suspended_at
    assert actors.analyst.api.get("/api/v1/api-keys").json()["code"] == "accounts.suspended"
    act(operator, "organization", "suspend", actors.organization)
    assert Organization.objects.get(pk=actors.organization.pk).suspended_at == first

    act(operator, "organization", "restore", actors.organization)
    assert actors.analyst.api.get("/api/v1/api-keys").status_code == 200


def test_an_operator_undoes_a_deletion_within_thirty_days(operator: Client, actors: Actors) -> None:
    url = f"/api/v1/organizations/{actors.organization.pk}"
    assert actors.viewer.api.get(url).status_code == 200
    delete_organization(actor=actors.admin.actor, organization=actors.organization)
    assert actors.viewer.api.get(url).status_code == 404
    for _ in range(2):
        act(operator, "organization", "bring_back", actors.organization)
    assert actors.viewer.api.get(url).status_code == 200
    entry = AuditEntry.objects.get(verb="accounts.organization_brought_back")
    assert entry.actor_type == "staff"

    long_ago = timezone.now() - dt.timedelta(days=30)
    Organization.objects.filter(pk=actors.organization.pk).update(deleted_at=long_ago)
    answer = act(operator, "organization", "bring_back", actors.organization)
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert any("The 30 days are over" in text for text in said)
    assert actors.viewer.api.get(url).status_code == 404


def test_an_operator_revokes_a_key(operator: Client, actors: Actors) -> None:
    assert actors.key.api.get("/api/v1/organizations").status_code == 200
    act(operator, "apikey", "revoke", actors.key.key)

    assert ApiKey.objects.get().revoked_at is not None
    assert ApiKey.objects.get().revoked_at <= timezone.now()  # type: ignore[operator]
    assert actors.key.api.get("/api/v1/organizations").status_code == 401


def test_an_operator_rotates_a_key_and_sees_the_new_one_this_once(operator: Client, actors: Actors) -> None:
    answer = act(operator, "apikey", "rotate", actors.key.key)

    shown = [str(message) for message in get_messages(answer.wsgi_request)]
    raw = shown[0].partition("once: ")[2]
    assert keys.FORMAT.fullmatch(raw)
    new = ApiKey.objects.get(prefix=raw[4:12])
    assert new.replaces == actors.key.key
    assert actors.key.api.get("/api/v1/organizations").status_code == 200
