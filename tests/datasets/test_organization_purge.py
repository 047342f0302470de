"""Thirty days after its deletion an organization is gone, data and all; one entry of the audit remains."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from apps.accounts.models import ApiKey, AuditEntry, AuditHead, Membership, Organization
from apps.accounts.permissions import system_actor
from apps.accounts.services import keeping, record_audit, seal_audit
from apps.accounts.services.keeping import purge_organizations
from apps.accounts.verification import verify_chain, verify_chains
from apps.datasets.models import Dataset, Event, Import, ImportFile, Reject
from tests.datasets.stories import BAD, ROWS, csv, made, upload
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)
DAY = dt.timedelta(days=1)


def delete(organization: Organization, days: int) -> None:
    Organization.objects.filter(pk=organization.pk).update(deleted_at=timezone.now() - days * DAY)


def run() -> int:
    return purge_organizations(now=timezone.now())


def filled(actors: Actors, run_jobs: Callable[[], int]) -> Organization:
    """Return an organization with people, a key, data, files and a sealed and an unsealed act."""
    made(actors.analyst, run_jobs, upload(csv(*ROWS, BAD)), name="Events")
    assert actors.key.key is not None
    seal_audit()
    record_audit(actor=system_actor(actors.organization), verb="accounts.key_created")
    return actors.organization


def test_it_goes_after_thirty_days_with_everything(actors: Actors, run_jobs: Callable[[], int]) -> None:
    organization = filled(actors, run_jobs)
    stored = ImportFile.objects.get().storage_name
    kept = actors.stranger.organization
    assert kept is not None
    record_audit(actor=system_actor(kept), verb="accounts.key_created")
    delete(organization, 29)
    assert run() == 0
    delete(organization, 31)

    assert run() == 1

    assert not Organization.objects.filter(pk=organization.pk).exists()
    for model in (Dataset, Import, ApiKey):
        assert not model.objects.exists(), model
    assert not Event.objects.exists()
    assert not Reject.objects.exists()
    assert not default_storage.exists(stored)
    assert list(Membership.objects.values_list("organization", flat=True)) == [kept.pk]
    assert not AuditHead.objects.filter(organization=organization.pk).exists()
    assert verify_chain(kept).unsealed == 1
    entry = AuditEntry.objects.get(verb="accounts.organization_purged")
    assert (entry.organization, entry.target_id) == (None, str(organization.pk))
    assert entry.changes["slug"] == organization.slug
    assert entry.changes["audit_head"]["sequence"] > 3
    assert run() == 0


@pytest.mark.parametrize("step", ["purge_products", "seal_chain", "prune_chain", "record_audit"])
def test_a_purge_that_is_killed_anywhere_is_finished_the_next_night(
    actors: Actors, run_jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    organization = filled(actors, run_jobs)
    delete(organization, 31)
    work = getattr(keeping, step)

    def killed(*arguments: Any, **named: Any) -> None:
        work(*arguments, **named)
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(keeping, step, killed)
        assert run() == 0
    seal_audit()
    assert all(report.valid for report in verify_chains())
    assert Organization.objects.filter(pk=organization.pk).exists()

    assert run() == 1
    assert AuditEntry.objects.filter(verb="accounts.organization_purged").count() == 1


def test_it_waits_for_an_import_that_runs_and_cancels_it(actors: Actors, run_jobs: Callable[[], int]) -> None:
    organization = filled(actors, run_jobs)
    delete(organization, 31)
    Import.objects.update(status="running", lease_until=timezone.now() + DAY)

    assert run() == 0
    assert Import.objects.get().cancel_requested_at is not None
    assert Event.objects.exists()
    Import.objects.update(status="cancelled")
    assert run() == 1


def test_the_installations_own_organization_never_goes(db: None) -> None:
    Organization.objects.filter(slug="system").update(deleted_at=timezone.now() - 99 * DAY)
    assert run() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_organization WHERE slug = 'system'")
        assert cursor.fetchone() == (1,)
