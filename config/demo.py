"""The sample organization: people, a synthetic city, metrics, analytics runs, a project, a preview."""

import tempfile
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils import timezone

from apps.accounts.models import Organization, Role, User
from apps.accounts.permissions import system_actor
from apps.accounts.services import add_member, create_first_admin, create_user, purge_organization
from apps.datasets.local_import import run_here, store_file
from apps.datasets.models import Dataset
from apps.datasets.reading.sample_city import sample_city
from apps.datasets.services import create_dataset_from_files
from apps.metrics.sample import make_sample
from apps.previews import sample as previews_sample
from apps.projects import sample as projects_sample
from apps.signals import sample as signals_sample
from apps.signals.services import start_pipeline
from config import installation

ORGANIZATION_NAME: Final = "Sample"
DATASET_NAME: Final = "Sample city"
ZONE: Final = "Europe/Vienna"
MEMBERS: Final = {Role.MANAGER: "Manager", Role.ANALYST: "Analyst", Role.VIEWER: "Viewer"}


def make() -> None:
    """Add what is missing of the sample organization."""
    password = installation.admin_password(settings.VAR_DIR)
    create_first_admin(email=installation.ADMIN_EMAIL, password=password, organization_name=ORGANIZATION_NAME)
    organization = _organization()
    if organization is None:
        raise RuntimeError("the sample organization was not made")
    for role, name in MEMBERS.items():
        user = User.objects.with_email(_email(role)).first()
        user = user or create_user(email=_email(role), name=name, password=password)
        if not organization.memberships.filter(user=user).exists():
            add_member(organization=organization, user=user, role=role)
    if not Dataset.objects.living().filter(organization=organization, name=DATASET_NAME).exists():
        _make_city(organization)
    make_sample(organization, now=timezone.now())
    _start_runs(organization)
    # Published by a worker, while the pages are open already.
    projects_sample.make_sample(organization)
    previews_sample.make_sample(organization)


def remove() -> None:
    """Remove the sample organization with its data, and its people."""
    organization = _organization()
    if organization is not None:
        signals_sample.remove_sample(organization)
        # Before the projects, which previews hold back.
        previews_sample.remove_sample(organization)
        projects_sample.remove_sample(organization)
        purge_organization(organization)
    emails = [installation.ADMIN_EMAIL, *map(_email, MEMBERS)]
    User.objects.filter(email__in=emails).delete()


def _make_city(organization: Organization) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample-city.csv"
        with path.open("w", newline="") as stream:
            sample_city(stream)
        file = store_file(path, path.name)
    row = create_dataset_from_files(
        actor=system_actor(organization),
        files=[file],
        options={},
        name=DATASET_NAME,
        zone=ZONE,
        description="A synthetic city: 60,000 events over 24 months, some of them flawed on purpose.",
    )
    run_here(row)


def _start_runs(organization: Organization) -> None:
    """Queue what makes signals of the sample runs; workers do it while the pages are open already."""
    for run in signals_sample.make_sample(organization, now=timezone.now()):
        start_pipeline(actor=system_actor(organization), run=run)


def _organization() -> Organization | None:
    named = Organization.objects.living().filter(name=ORGANIZATION_NAME)
    return named.order_by("created_at").first()


def _email(role: Role) -> str:
    return f"{role.value}@example.com"
