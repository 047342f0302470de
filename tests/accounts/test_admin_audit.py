"""What operators see and do in the admin is in the audit, as theirs; and they check the chains there."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.models import ActorType, AuditEntry, User
from apps.accounts.probes import probe_audit
from apps.accounts.services import record_audit, seal_audit
from apps.common.probes import Degraded
from tests.factories.accounts import UserFactory
from tests.furniture.people import Actors


@pytest.fixture
def staff(db: None) -> User:
    return UserFactory.create(is_staff=True)


@pytest.fixture
def operator(settings: Settings, staff: User) -> Client:
    # The page's files are collected by `up`; here their plain names will do.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    client = Client()
    client.force_login(staff)
    return client


def act(operator: Client, table: str, action: str, row: Any) -> Any:
    body = {"action": action, "_selected_action": [str(row.pk)]}
    answer = operator.post(f"/admin/accounts/{table}/", body, follow=True)
    assert answer.status_code == 200
    return answer


def test_a_page_that_an_operator_looked_at_is_recorded(operator: Client, staff: User) -> None:
    operator.get("/admin/accounts/user/?q=somebody@example.com")

    entry = AuditEntry.objects.get(verb="admin.viewed")
    assert (entry.actor_type, entry.actor_id, entry.organization) == (ActorType.STAFF, staff.pk, None)
    assert entry.changes == {"path": "/admin/accounts/user/", "parameters": ["q"]}
    assert "somebody" not in str(entry.changes)


def test_looking_at_a_row_is_recorded_where_the_row_belongs(operator: Client, actors: Actors) -> None:
    key = actors.key.key
    assert key is not None
    for table, row in (("apikey", key), ("organization", actors.organization)):
        operator.get(f"/admin/accounts/{table}/{row.pk}/change/")
        entry = AuditEntry.objects.get(verb="admin.viewed", target_id=str(row.pk))
        assert entry.organization == actors.organization
        assert entry.target_type == f"accounts.{table}"
    seen = actors.admin.api.get("/api/v1/audit?actor_type=staff").json()["results"]
    assert len(seen) == 2


def test_an_act_in_the_admin_is_the_operators(operator: Client, staff: User, actors: Actors) -> None:
    assert actors.key.key is not None
    act(operator, "apikey", "revoke", actors.key.key)

    revoked = AuditEntry.objects.get(verb="accounts.key_revoked")
    assert (revoked.actor_type, revoked.actor_id) == (ActorType.STAFF, staff.pk)
    assert revoked.organization == actors.organization
    acted = AuditEntry.objects.get(verb="admin.acted")
    assert acted.changes["action"] == "revoke"
    assert acted.changes["selected"] == [str(actors.key.key.pk)]
    later = record_audit(actor=None, verb="accounts.key_created")
    assert later.actor_type == ActorType.SYSTEM


def test_whoever_is_no_operator_leaves_no_trace_of_pages_they_did_not_see(
    operator: Client, actors: Actors
) -> None:
    actors.admin.browser.get("/admin/accounts/user/")
    Client().get("/admin/")
    operator.get("/admin/accounts/user/no-such-id/change/")
    assert not AuditEntry.objects.filter(verb__startswith="admin.").exists()


def test_an_operator_reads_the_audit_and_changes_nothing(operator: Client, actors: Actors) -> None:
    entry = record_audit(actor=actors.admin.actor, verb="accounts.key_created", target=actors.organization)
    page = operator.get("/admin/accounts/auditentry/?verb=accounts.key_created").content.decode()
    assert "An API key was created" in page
    assert actors.organization.slug in page
    url = f"/admin/accounts/auditentry/{entry.pk}"
    assert operator.get(f"{url}/change/").status_code == 200
    assert operator.get(f"{url}/delete/").status_code == 403
    assert operator.get("/admin/accounts/auditentry/add/").status_code == 403


@pytest.mark.parametrize("table", ["auditentry", "organization"])
def test_an_operator_verifies_a_chain(operator: Client, actors: Actors, table: str) -> None:
    entry = record_audit(actor=actors.admin.actor, verb="accounts.key_created")
    seal_audit()
    row = entry if table == "auditentry" else actors.organization
    action = "verify" if table == "auditentry" else "verify_audit"
    assert "1 entries are as they were sealed" in act(operator, table, action, row).content.decode()

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_audit_entry DISABLE TRIGGER ALL")
        cursor.execute("UPDATE accounts_audit_entry SET verb = 'x' WHERE id = %s", [entry.pk])
        cursor.execute("ALTER TABLE accounts_audit_entry ENABLE TRIGGER ALL")
    broken = f"The chain of {actors.organization.slug} is broken at entry 1."
    assert broken in act(operator, table, action, row).content.decode()


def test_health_tells_when_nothing_is_sealed_any_more(actors: Actors) -> None:
    assert probe_audit() == {"oldest_unsealed_s": 0.0}
    record_audit(actor=actors.admin.actor, verb="accounts.key_created")
    assert probe_audit()["oldest_unsealed_s"] < 60
    old = AuditEntry(actor_type="system", verb="a.old")
    old.save()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_audit_entry DISABLE TRIGGER ALL")
        AuditEntry.objects.filter(pk=old.pk).update(created_at=timezone.now() - dt.timedelta(minutes=4))
        cursor.execute("ALTER TABLE accounts_audit_entry ENABLE TRIGGER ALL")
    with pytest.raises(Degraded):
        probe_audit()
