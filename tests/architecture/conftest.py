"""The rows of the matrix, made once for a file of tests: each call is taken back, so all find the same."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tests.architecture.rows import World
from tests.furniture.people import NAMES, Actors
from tests.furniture.storage import kept_in


@pytest.fixture(scope="module")
def made_once(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, World]]:
    """Make every row in one transaction, which ends with the file's last test; give their folder, too."""
    folder = tmp_path_factory.mktemp("matrix")
    with django_db_blocker.unblock(), transaction.atomic():
        world = World(Actors())
        with kept_in(folder):
            for owner in (world.actors, world):
                for name, attribute in vars(type(owner)).items():
                    if isinstance(attribute, cached_property):
                        getattr(owner, name)
        yield folder, world
        transaction.set_rollback(True)


@pytest.fixture
def world(made_once: tuple[Path, World]) -> Iterator[World]:
    """Give the rows, and take back what the test changes; everybody is signed in anew."""
    folder, world = made_once
    with kept_in(folder), transaction.atomic():
        for name in NAMES:
            for client in ("api", "browser"):
                vars(world.actors[name]).pop(client, None)
        yield world
        transaction.set_rollback(True)
