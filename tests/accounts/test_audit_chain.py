"""The chain of the audit: sealed in order, guarded by the database, checked entry by entry."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from apps.accounts import verification
from apps.accounts.audit_chain import next_hash
from apps.accounts.models import AuditEntry, AuditHead, Organization
from apps.accounts.permissions import system_actor
from apps.accounts.services import record_audit, sealing
from apps.accounts.services.audit import blank_person
from apps.accounts.services.sealing import prune_chain, seal_audit, seal_chain
from apps.accounts.verification import verify_chain
from tests.factories.accounts import OrganizationFactory, UserFactory
from tests.furniture.people import Actors

DAY = dt.timedelta(days=1)


@contextmanager
def triggers_off() -> Iterator[None]:
    """Act as somebody who owns the tables."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_audit_entry DISABLE TRIGGER ALL")
        yield
        cursor.execute("ALTER TABLE accounts_audit_entry ENABLE TRIGGER ALL")


def act(organization: Organization, number: int = 1) -> None:
    for step in range(number):
        changes = {"step": step, "name": "Zürich", "share": 0.1}
        record_audit(actor=system_actor(organization), verb="accounts.key_created", changes=changes)


def verify_by_command(*arguments: str) -> tuple[int, Any]:
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, "--json", stdout=out)
    except SystemExit as end:
        return int(str(end.code)), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


@pytest.fixture
def organization(db: None) -> Organization:
    return OrganizationFactory.create()


def test_each_chain_is_sealed_on_its_own_and_again_nothing_happens(organization: Organization) -> None:
    other = OrganizationFactory.create()
    act(organization, 3)
    act(other, 2)
    record_audit(actor=None, verb="accounts.key_created")

    assert (seal_audit(), seal_audit()) == (6, 0)
    act(organization)
    assert seal_audit() == 1
    sequences = AuditEntry.objects.of_chain(organization.pk).order_by("sequence")
    assert list(sequences.values_list("sequence", flat=True)) == [1, 2, 3, 4]
    for each, entries in ((organization, 4), (other, 2), (Organization.objects.get(slug="system"), 1)):
        report = verify_chain(each)
        assert (report.valid, report.entries, report.head.sequence) == (True, entries, entries)


def test_anybody_can_compute_the_hashes_from_what_the_api_says(actors: Actors) -> None:
    act(actors.organization, 3)
    seal_audit()
    last = bytes(32)
    for entry in actors.admin.api.get("/api/v1/audit?sort=sequence").json()["results"]:
        facts = {name: entry[name] for name in ("id", "created_at", "verb", "changes", "request_id")}
        facts["actor_id"] = entry["actor"]["id"]
        facts["target"] = {"type": entry["target"]["type"], "id": entry["target"]["id"]}
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        last = hashlib.sha256(last + text.encode()).digest()
        assert entry["hash"] == last.hex()
    assert actors.admin.api.get("/api/v1/audit/verify").json() == {
        "valid": True,
        "entries": 3,
        "head": {"sequence": 3, "hash": last.hex()},
        "broken_at": None,
        "unsealed": 0,
    }


@pytest.mark.parametrize(
    "change",
    [
        "verb = 'accounts.other'",
        "changes = '{}'",
        "actor_id = gen_random_uuid()",
        "target_id = 'x'",
        "created_at = now()",
        "request_id = 'x'",
        "organization_id = NULL",
        "sequence = 9",
        "sequence = NULL, hash = NULL",
        "hash = sha256('x')",
        "actor_label = 'somebody'",
        "ip = '10.0.0.9'",
    ],
)
def test_edge_case_21_a_change_by_sql_is_refused(organization: Organization, change: str) -> None:
    act(organization)
    seal_audit()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE accounts_audit_entry SET {change}")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM accounts_audit_entry",
        "DELETE FROM accounts_audit_head",
        "TRUNCATE accounts_audit_entry",
        "TRUNCATE accounts_audit_head",
        "UPDATE accounts_audit_head SET sequence = 0",
    ],
)
@pytest.mark.parametrize("is_sealed", [True, False])
def test_nothing_is_deleted_by_sql(organization: Organization, statement: str, is_sealed: bool) -> None:
    act(organization)
    seal_audit()
    if not is_sealed and "entry" in statement:
        AuditEntry.objects.create(organization=organization, actor_type="system", verb="late")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(statement)


def test_an_unsealed_entry_is_guarded_as_well(organization: Organization) -> None:
    act(organization)
    for change in ("verb = 'x'", "sequence = 1", "hash = sha256('x')"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE accounts_audit_entry SET {change}")


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE accounts_audit_entry SET verb = 'x' WHERE sequence = 5", 5),
        ("UPDATE accounts_audit_entry SET changes = '{\"step\": 99}' WHERE sequence = 1", 1),
        ("UPDATE accounts_audit_entry SET hash = sha256('x') WHERE sequence = 6", 6),
        ("UPDATE accounts_audit_entry SET sequence = 70 WHERE sequence = 7", 7),
        ("DELETE FROM accounts_audit_entry WHERE sequence = 3", 3),
        ("DELETE FROM accounts_audit_entry WHERE sequence > 8", 9),
        ("DELETE FROM accounts_audit_entry", 1),
    ],
)
def test_edge_case_21_with_the_trigger_off_the_check_names_the_sequence(
    organization: Organization, statement: str, broken_at: int
) -> None:
    act(organization, 10)
    seal_audit()
    with triggers_off(), connection.cursor() as cursor:
        cursor.execute(statement)

    report = verify_chain(organization)
    assert (report.valid, report.broken_at, report.entries) == (False, broken_at, broken_at - 1)
    code, found = verify_by_command()
    assert code == 1
    broken = [chain for chain in found["chains"] if not chain["valid"]]
    assert [(chain["organization"], chain["broken_at"]) for chain in broken] == [
        (organization.slug, broken_at)
    ]


def test_a_changed_head_breaks_the_chain(organization: Organization) -> None:
    act(organization, 3)
    seal_audit()
    AuditHead.objects.filter(organization=organization).update(hash=bytes(32))
    assert verify_chain(organization).broken_at == 3


def test_edge_case_21_an_erased_person_leaves_a_valid_chain(organization: Organization) -> None:
    user = UserFactory.create(default_organization=organization)
    record_audit(actor=user, verb="accounts.key_created", target=user)
    act(organization, 2)
    seal_audit()

    blank_person(user)

    entry = AuditEntry.objects.get(actor_id=user.pk)
    assert (entry.actor_label, entry.target_label, entry.ip, entry.user_agent) == ("", "", None, "")
    assert verify_chain(organization).valid
    assert not AuditEntry.objects.filter(actor_label=user.email).exists()


def test_pruning_drops_a_prefix_and_the_rest_is_still_valid(organization: Organization) -> None:
    now = timezone.now()
    act(organization, 4)
    with triggers_off():
        AuditEntry.objects.order_by("pk").update(created_at=now - 10 * DAY)
    act(organization)
    with triggers_off():
        # Committed late: an old time behind a young one.
        AuditEntry.objects.create(organization=organization, actor_type="system", verb="late")
    seal_audit()

    assert prune_chain(organization.pk, before=now - DAY) == 4
    report = verify_chain(organization)
    assert (report.valid, report.entries, report.head.sequence) == (True, 2, 6)
    assert prune_chain(organization.pk, before=now - DAY) == 0
    assert prune_chain(organization.pk) == 2
    act(organization)
    seal_audit()
    assert verify_chain(organization).entries == 1
    assert list(AuditEntry.objects.values_list("sequence", flat=True)) == [7]


def test_one_organization_is_checked_by_name_and_an_unknown_one_refused(organization: Organization) -> None:
    act(organization, 2)
    seal_audit()
    code, found = verify_by_command("--organization", organization.slug)
    assert (code, [chain["entries"] for chain in found["chains"]]) == (0, [2])


def test_a_sealing_that_is_killed_leaves_nothing_behind_and_is_done_again(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(organization, 3)

    def killed(*_arguments: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(AuditHead, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            seal_audit()
    assert AuditEntry.objects.unsealed().count() == 3
    assert seal_audit() == 3
    assert verify_chain(organization).entries == 3


def test_one_chain_that_cannot_be_sealed_stops_no_other(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = OrganizationFactory.create()
    act(organization)
    act(other)

    def fail(chain_id: Any) -> int:
        if chain_id == organization.pk:
            raise OperationalError("gone")
        return seal_chain(chain_id)

    monkeypatch.setattr(sealing, "seal_chain", fail)
    assert seal_audit() == 1
    assert verify_chain(other).entries == 1


def test_a_chain_longer_than_a_batch_is_one_chain(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "SEALED_AT_ONCE", 3)
    monkeypatch.setattr(sealing, "DROPPED_AT_ONCE", 2)
    monkeypatch.setattr(verification, "READ_AT_ONCE", 4)
    act(organization, 10)
    assert seal_audit() == 10
    assert verify_chain(organization).entries == 10
    assert prune_chain(organization.pk) == 10
    assert verify_chain(organization).valid


def test_a_check_that_pruning_overtakes_finds_no_break(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "READ_AT_ONCE", 2)
    act(organization, 6)
    seal_audit()
    walked = next_hash

    def overtaken(previous: bytes, entry: AuditEntry) -> bytes:
        if entry.sequence == 2:
            prune_chain(organization.pk, before=AuditEntry.objects.get(sequence=5).created_at)
        return walked(previous, entry)

    monkeypatch.setattr(verification, "next_hash", overtaken)
    report = verify_chain(organization)
    assert (report.valid, report.entries, report.head.sequence) == (True, 2, 6)


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_late_gets_a_later_place() -> None:
    organization = OrganizationFactory.create()

    def seal_elsewhere() -> int:
        try:
            act(organization, 2)
            return seal_audit()
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as elsewhere:
        act(organization)
        assert elsewhere.submit(seal_elsewhere).result() == 2
    assert seal_audit() == 1
    first, last = AuditEntry.objects.order_by("created_at")[0], AuditEntry.objects.get(sequence=3)
    assert first == last
    assert verify_chain(organization).entries == 3


@pytest.mark.django_db(transaction=True)
def test_many_clocks_at_once_seal_each_entry_once() -> None:
    organization = OrganizationFactory.create()
    chains = [organization.pk, None]

    def work(number: int) -> None:
        try:
            for _ in range(10):
                act(organization, 5)
                record_audit(actor=None, verb="accounts.key_created")
                seal_chain(chains[number % 2])
                seal_audit()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    report = verify_chain(organization)
    assert (report.valid, report.entries, report.unsealed) == (True, 200, 0)
    assert verify_chain(Organization.objects.get(slug="system")).entries == 40
