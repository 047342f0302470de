"""Rows of one organization for every place of an address, so that the matrix can try each with real ones.

A new kind of address needs one line in ROWS: the segment before the place, and what stands in it.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.accounts.models import AuditEntry, Invitation, Notification, Role, User
from apps.accounts.services import create_api_key, notify, record_audit, sign_in
from apps.common.db import uuid7
from apps.datasets.models import Dataset, Import, ImportFile
from apps.metrics.models import Metric
from apps.signals.models import DbtBuild, DbtModel, Signal
from apps.signals.storage.dbt_files import store_artifacts
from tests.factories.accounts import PASSWORD, create_member
from tests.factories.datasets import EventRow, published_dataset
from tests.factories.metrics import create_metric
from tests.factories.signals import create_signal
from tests.furniture.people import Actors, Person

CSV = b"latitude,longitude,time,category\n51.5,-0.1,2023-01-01T00:00:00Z,event\n"


class World:
    """What there is in the organization of `actors`; each row exists from its first mention on."""

    def __init__(self, actors: Actors) -> None:
        self.actors = actors

    @cached_property
    def dataset(self) -> Dataset:
        """Return a published dataset that none of the actors made: on their own rows they may more."""
        row = published_dataset([EventRow(51.5, -0.1)], organization=self.actors.organization)
        row.created_by = create_member(self.actors.organization, Role.ADMIN)
        row.save()
        return row

    @cached_property
    def job(self) -> Import:
        """Return an import of the dataset, which is also a job."""
        row = Import.objects.create(
            dataset=self.dataset, created_by=self.dataset.created_by, options={"dry_run": False}
        )
        name = default_storage.save("matrix.csv", ContentFile(CSV))
        ImportFile.objects.create(
            source_import=row, file_no=1, name="a.csv", storage_name=name, bytes=len(CSV), sha256=b"x"
        )
        row.refresh_from_db()
        return row

    @cached_property
    def invitation(self) -> Invitation:
        """Return a pending invitation."""
        return Invitation.objects.create(
            organization=self.actors.organization,
            email="invited@example.com",
            role=Role.VIEWER,
            token_hash=b"-" * 32,
            expires_at=timezone.now() + timedelta(days=7),
        )

    @cached_property
    def audit_entry(self) -> AuditEntry:
        """Return a line of the organization's audit."""
        return record_audit(actor=self.actors.admin.actor, verb="accounts.organization_changed")

    @cached_property
    def metric(self) -> Metric:
        """Return a metric whose name is its id: addresses take either, topics the name."""
        row_id = uuid7()
        return create_metric(self.actors.organization, str(row_id), id=row_id)

    @cached_property
    def signal(self) -> Signal:
        """Return a new signal."""
        return create_signal(self.actors.organization)

    @cached_property
    def dbt_model(self) -> DbtModel:
        """Return a model of the organization's newest build, whose manifest is kept."""
        organization = self.actors.organization
        build = DbtBuild.objects.create(
            organization=organization, schema="public", status="succeeded", finished_at=timezone.now()
        )
        store_artifacts(organization.pk, build.pk, {"manifest": b"{}"})
        return DbtModel.objects.create(
            organization=organization, unique_id="model.sextant.stg_nodes", name="stg_nodes"
        )

    def artifact_kind(self) -> str:
        """Return the kind of an artifact that is there."""
        return "manifest" if self.dbt_model else ""

    def key_of(self, person: Person) -> Any:
        """Return the id of a key that the person made if they may, else the admin's."""
        maker = person if person.user is not None and person.actor.may("accounts.create_key") else None
        key, _ = create_api_key(
            actor=(maker or self.actors.admin).actor, name="k", role=Role.VIEWER, scopes=["datasets:read"]
        )
        return key.pk

    def notice_of(self, person: Person) -> Any:
        """Return the id of a notice to the person, to the admin if a program asks."""
        user = person.user or self.user_of(self.actors.admin)
        notify(user=user, kind="accounts.invited", title="You are invited", dedupe_key=person.name)
        return Notification.objects.get(user=user, dedupe_key=person.name).pk

    def session_of(self, person: Person) -> Any:
        """Return the id of a session of the person, of the admin if a program asks."""
        pair = sign_in(email=self.user_of(person).email, password=PASSWORD)
        return pair.session.pk

    def user_of(self, person: Person) -> User:
        """Return a person's user, the admin's if they have none."""
        user = person.user or self.actors.admin.user
        assert user is not None
        return user

    def everything(self) -> list[str]:
        """Return the ids that nobody of another organization may ever read."""
        rows = (
            self.dataset, self.job, self.invitation, self.audit_entry, self.metric, self.signal,
            self.actors.organization,
        )  # fmt: skip
        return [
            *(str(row.pk) for row in rows),
            str(self.key_of(self.actors.admin)),
            str(self.notice_of(self.actors.admin)),
            str(self.user_of(self.actors.admin).pk),
        ]


Row = Callable[[World, Person], Any]

# The segment before a place -> what stands there for a person: their own row where rows are personal.
ROWS: Mapping[str, Row] = {
    "api-keys": World.key_of,
    "artifacts": lambda world, _: world.artifact_kind(),
    "audit": lambda world, _: world.audit_entry.pk,
    "categories": lambda _world, _: 0,
    "datasets": lambda world, _: world.dataset.pk,
    "hexes": lambda _world, _: "8b195da49a9bfff",
    "imports": lambda world, _: world.job.pk,
    "invitations": lambda world, _: world.invitation.pk,
    "keys": World.key_of,
    "jobs": lambda world, _: world.job.pk,
    "metrics": lambda world, _: world.metric.pk,
    "models": lambda world, _: world.dbt_model.name,
    "members": lambda world, person: world.user_of(person).pk,
    "notifications": World.notice_of,
    "organizations": lambda world, _: world.actors.organization.pk,
    "sessions": World.session_of,
    "signals": lambda world, _: world.signal.pk,
    "versions": lambda _world, _: 1,
}
# Rows of one person, of which a program has none of its own.
PERSONAL = frozenset({"members", "notifications", "sessions"})


def row_of(world: World, person: Person, segment: str, where: str) -> Any:
    """Return what stands after a segment; fails with what to add where."""
    if segment not in ROWS:
        raise AssertionError(
            f"The matrix has no row for the place after `{segment}/` of {where}. Add `{segment}` to ROWS in"
            " tests/architecture/rows.py: a function that makes such a row in the actors' organization."
        )
    return ROWS[segment](world, person)
