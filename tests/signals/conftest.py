"""Runs that are loaded and built, for tests that read what dbt makes of them.

A module whose tests take `built_runs` works on a clone of a database of its own; its tests are rolled back as
everywhere. A test that commits (`transaction=True`) takes `fresh_after` as well, which renews the clone.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.accounts.models import Organization
from apps.signals.models import Run
from tests.furniture.people import Actors
from tests.signals import databases
from tests.signals.databases import PreparedDatabase, cloned


@pytest.fixture(scope="module")
def built_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[PreparedDatabase]:
    """Work on a clone in which the runs are loaded and built, for the rest of the module."""
    with django_db_blocker.unblock():
        yield from cloned(PreparedDatabase("built", databases.load_and_build, databases.LOADED_BY))


@pytest.fixture
def built_organization(built_database: PreparedDatabase, actors: Actors, settings: Any) -> Organization:
    """Give the organization of the sample runs: the actors are its members, RUNS_ROOT holds its files."""
    settings.RUNS_ROOT = str(databases.runs_root() / databases.BUILT)
    actors.__dict__["organization"] = Organization.objects.get(slug=databases.BUILT)
    return actors.organization


@pytest.fixture
def built_runs(built_organization: Organization) -> list[Run]:
    """Give the three sample runs in run order (generated ones where `../shared/data` is absent), built."""
    return list(Run.objects.filter(organization=built_organization).in_run_order())


@pytest.fixture
def made_runs(built_database: PreparedDatabase, db: None) -> list[Run]:
    """Give two generated runs of 600 entities, built, of another organization."""
    return list(Run.objects.filter(organization__slug=databases.MADE).in_run_order())


@pytest.fixture
def fresh_after(built_database: PreparedDatabase) -> Iterator[None]:
    """Renew the module's clone after a test that commits."""
    yield
    built_database.renew()
