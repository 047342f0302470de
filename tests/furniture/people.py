"""The seven actors of every test, and how each of them calls the API and opens pages.

`actors.viewer` exists from its first mention on; what a test does not name costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, Organization, Role, Session, User
from apps.accounts.permissions import Actor, member_actor
from apps.accounts.queries import resolve_key
from apps.accounts.services import create_api_key, sign_in
from apps.accounts.services.sessions import open_page_session
from tests.factories.accounts import PASSWORD, OrganizationFactory, create_member

ROLES: Final = ("admin", "manager", "analyst", "viewer")
NAMES: Final = (*ROLES, "stranger", "anonymous", "key")


def sign_in_quietly(client: Client, user: User) -> None:
    """Sign a client in as pages do, with a session that can be ended, but without record and notice."""
    client.force_login(user)
    page = client.session
    open_page_session(user=user, page=page)
    page.save()


@dataclass
class Person:
    """Somebody who tries something: signed in as `user`, or (without one) anonymous."""

    name: str
    organization: Organization | None = None
    user: User | None = None
    role: Role | None = None
    key: ApiKey | None = None
    raw_key: str = ""

    @cached_property
    def actor(self) -> Actor:
        """Return the actor that services take."""
        assert self.organization is not None
        assert self.role is not None
        if self.key is not None:
            return resolve_key(self.key)
        assert self.user is not None
        return member_actor(user=self.user, organization=self.organization, role=self.role)

    @cached_property
    def api(self) -> APIClient:
        """Return the person's client of the REST API."""
        client = APIClient()
        if self.user is not None:
            sign_in_quietly(client, self.user)
        if self.raw_key:
            client.credentials(HTTP_X_API_KEY=self.raw_key)
        return client

    @cached_property
    def browser(self) -> Client:
        """Return the person's client of the pages, signed in by a session."""
        client = Client()
        if self.user is not None:
            sign_in_quietly(client, self.user)
        return client


class Actors:
    """Admin, manager, analyst and viewer of one organization, the admin of another, nobody, and a key."""

    @cached_property
    def organization(self) -> Organization:
        """Return the organization in which the test happens."""
        return OrganizationFactory.create()

    @cached_property
    def admin(self) -> Person:
        """Return an admin."""
        return self._member(Role.ADMIN)

    @cached_property
    def manager(self) -> Person:
        """Return a manager."""
        return self._member(Role.MANAGER)

    @cached_property
    def analyst(self) -> Person:
        """Return an analyst."""
        return self._member(Role.ANALYST)

    @cached_property
    def viewer(self) -> Person:
        """Return a viewer."""
        return self._member(Role.VIEWER)

    @cached_property
    def stranger(self) -> Person:
        """Return the admin of another organization."""
        elsewhere = OrganizationFactory.create()
        user = create_member(elsewhere, Role.ADMIN)
        return Person("stranger", elsewhere, user, Role.ADMIN)

    @cached_property
    def anonymous(self) -> Person:
        """Return nobody."""
        return Person("anonymous")

    @cached_property
    def key(self) -> Person:
        """Return a client program with a key that the admin made, in the role of an analyst."""
        scopes = [
            "accounts:read", "datasets:read", "datasets:write", "metrics:read", "metrics:write",
            "spatial:read", "signals:read", "signals:write",
        ]  # fmt: skip
        key, raw = create_api_key(
            actor=self.admin.actor, name="Client program", role=Role.ANALYST, scopes=scopes
        )
        return Person("key", self.organization, role=Role.ANALYST, key=key, raw_key=raw)

    def __getitem__(self, name: str) -> Person:
        """Return an actor by name, for parametrized tests."""
        person: Person = getattr(self, name)
        return person

    def __iter__(self) -> Iterator[Person]:
        return (self[name] for name in NAMES)

    def _member(self, role: Role) -> Person:
        return Person(role.value, self.organization, create_member(self.organization, role), role)


def long_ago(person: Person) -> None:
    """Let the person's sign-in be so long ago that some acts ask who it is again."""
    assert person.api
    Session.objects.filter(user=person.user).update(reauthenticated_at=timezone.now() - timedelta(hours=1))


def just_signed_in(person: Person) -> APIClient:
    """Return a client with fresh tokens, as acts take it that ask who it is again."""
    assert person.user is not None
    client = APIClient()
    pair = sign_in(email=person.user.email, password=PASSWORD)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    return client


@pytest.fixture
def actors(db: None) -> Actors:
    """Give the seven actors."""
    return Actors()
