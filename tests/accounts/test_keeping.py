"""What accounts keeps, and when it goes."""

import datetime as dt
import json
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import DatabaseError
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.models import (
    AuditEntry,
    IdempotencyRecord,
    LoginFailure,
    Mail,
    Notification,
    Role,
    Session,
    User,
)
from apps.accounts.models.session import SessionKind
from apps.accounts.permissions import system_actor
from apps.accounts.services import record_audit, seal_audit
from apps.accounts.verification import verify_chain
from apps.common import keeping
from apps.common.db import JobStatus
from apps.common.keeping import KeepingRule, prune
from tests.factories.accounts import OrganizationFactory, UserFactory, create_member

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


def make_session(user: User, ended: dt.datetime, *, is_revoked: bool) -> Session:
    later = timezone.now() + 90 * DAY
    return Session.objects.create(
        user=user,
        kind=SessionKind.TOKEN,
        expires_at=later if is_revoked else ended,
        ends_at=later,
        revoked_at=ended if is_revoked else None,
    )


def make_answer(key: str, expires_at: dt.datetime) -> IdempotencyRecord:
    return IdempotencyRecord.objects.create(
        actor="a",
        method="POST",
        path="/",
        key=key,
        request_hash=b"",
        status=201,
        body=b"",
        expires_at=expires_at,
    )


def make_notice(user: User, created_at: dt.datetime) -> None:
    row = Notification.objects.create(user=user, kind="a", title="t", dedupe_key=str(created_at))
    Notification.objects.filter(pk=row.pk).update(created_at=created_at)


def prune_by_command(*arguments: str) -> tuple[int, dict[str, Any]]:
    out, code = StringIO(), 0
    try:
        call_command("prune", *arguments, "--json", stdout=out)
    except SystemExit as end:
        code = int(str(end.code))
    found = json.loads(out.getvalue())
    return code, {each["rule"]: each["count"] for each in found["rules"] if each["count"] or each["failed"]}


def test_what_is_past_its_time_goes_and_the_rest_stays() -> None:
    now = timezone.now()
    user = UserFactory.create()
    kept = [make_session(user, now - 29 * DAY, is_revoked=flag) for flag in (True, False)]
    for flag in (True, False):
        make_session(user, now - 31 * DAY, is_revoked=flag)
    make_answer("old", now - dt.timedelta(seconds=1))
    make_answer("new", now + DAY)
    for number, (age, locked) in enumerate([(2, None), (2, -1), (2, 1), (0, None)]):
        LoginFailure.objects.create(
            scope_hash=bytes([number]),
            window_start=now - age * DAY,
            locked_until=now + locked * DAY if locked else None,
        )
    for age in (89, 91):
        make_notice(user, now - age * DAY)
    for status, age in ((JobStatus.SUCCEEDED, 29), (JobStatus.FAILED, 31), (JobStatus.QUEUED, 31)):
        Mail.objects.create(to="a@example.com", template="a", status=status, finished_at=now - age * DAY)

    expected = {
        "accounts.stored_answers": 1,
        "accounts.sessions": 2,
        "accounts.lockouts": 2,
        "accounts.notifications": 1,
        "accounts.mails": 1,
    }
    assert prune_by_command("--dry-run") == (0, expected)
    assert prune_by_command() == (0, expected)
    assert prune_by_command() == (0, {})
    assert set(Session.objects.all()) == set(kept)
    assert IdempotencyRecord.objects.get().key == "new"
    assert LoginFailure.objects.count() == 2
    assert Notification.objects.count() == 1
    assert set(Mail.objects.values_list("status", flat=True)) == {JobStatus.SUCCEEDED, JobStatus.QUEUED}


def test_the_audit_is_kept_for_its_days(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.AUDIT_DAYS = 10
    organization = OrganizationFactory.create()
    for _ in range(3):
        record_audit(actor=system_actor(organization), verb="accounts.key_created")
    record_audit(actor=None, verb="accounts.key_created")
    seal_audit()
    clock.shift(11 * DAY)
    record_audit(actor=system_actor(organization), verb="accounts.key_revoked")
    seal_audit()

    assert prune_by_command("--dry-run") == (0, {"accounts.audit": 4})
    assert prune_by_command() == (0, {"accounts.audit": 4})
    assert AuditEntry.objects.get().verb == "accounts.key_revoked"
    report = verify_chain(organization)
    assert (report.valid, report.entries, report.head.sequence) == (True, 1, 4)


def test_many_rows_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "DELETED_AT_ONCE", 2)
    for number in range(5):
        make_answer(str(number), timezone.now() - DAY)
    assert prune_by_command() == (0, {"accounts.stored_answers": 5})


def test_a_rule_that_fails_stops_no_other_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_now: dt.datetime) -> int:
        raise DatabaseError("gone")

    broken = KeepingRule("a.broken", count=fail, drop=fail)
    monkeypatch.setattr(keeping, "_rules", {"a.broken": broken, **keeping._rules})
    make_answer("old", timezone.now() - DAY)

    assert prune_by_command() == (1, {"a.broken": 0, "accounts.stored_answers": 1})
    assert [each.failed for each in prune(now=timezone.now(), dry_run=True)][:2] == [True, False]


def test_every_app_has_its_rules_in_one_run() -> None:
    apps = {each.rule.partition(".")[0] for each in prune(now=timezone.now(), dry_run=True)}
    assert {"accounts", "datasets"} <= apps


def test_who_never_confirmed_their_address_goes_after_thirty_days() -> None:
    now = timezone.now()
    organization = OrganizationFactory.create()
    late = UserFactory.create(email="late@example.com", email_verified_at=None)
    kept = [
        UserFactory.create(email_verified_at=now),
        UserFactory.create(email_verified_at=None, is_staff=True),
        create_member(organization, Role.VIEWER),
    ]
    kept[-1].email_verified_at = None
    kept[-1].save()
    User.objects.update(created_at=now - 31 * DAY)
    fresh = UserFactory.create(email_verified_at=None)
    prune(now=now)
    assert set(User.objects.all()) == {*kept, fresh}
    assert not User.objects.filter(pk=late.pk).exists()
