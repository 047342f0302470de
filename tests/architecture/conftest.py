"""The rows of the matrix, made once for a file of tests: each call is taken back, so all find the same."""

import copy
from collections.abc import Iterator
from functools import cached_property
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.test import Client

from tests.architecture.rows import World
from tests.furniture.people import NAMES, Actors
from tests.furniture.storage import kept_in


class SignIn(NamedTuple):
    """A client and what it had to show after the sign-in."""

    client: Client
    cookies: SimpleCookie

    def restore(self) -> None:
        """Forget what answers have given to the client since, or taken from it."""
        self.client.cookies = copy.deepcopy(self.cookies)


class Made(NamedTuple):
    """What a file of tests has in common."""

    folder: Path
    world: World
    sign_ins: list[SignIn]


@pytest.fixture(scope="module")
def made_once(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """Make every row in one transaction, which ends with the file's last test, and sign everybody in."""
    folder = tmp_path_factory.mktemp("matrix")
    with django_db_blocker.unblock(), transaction.atomic():
        world = World(Actors())
        with kept_in(folder):
            for owner in (world.actors, world):
                for name, attribute in vars(type(owner)).items():
                    if isinstance(attribute, cached_property):
                        getattr(owner, name)
        clients = [
            client for name in NAMES for client in (world.actors[name].api, world.actors[name].browser)
        ]
        yield Made(folder, world, [SignIn(client, copy.deepcopy(client.cookies)) for client in clients])
        transaction.set_rollback(True)


@pytest.fixture
def world(made_once: Made) -> Iterator[World]:
    """Give the rows and everybody's sign-in, and take back what the test changes."""
    for each in made_once.sign_ins:
        each.restore()
    with kept_in(made_once.folder), transaction.atomic():
        yield made_once.world
        transaction.set_rollback(True)
