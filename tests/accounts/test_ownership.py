"""An analyst has the manager column on rows they created, and a key that may write counts as its creator."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from apps.accounts import roles
from apps.accounts.models import ApiKey, Organization, Role, User
from apps.accounts.permissions import Actor, member_actor

ORGANIZATION = Organization(name="Harbour", slug="harbour")
CREATOR = User(email="creator@example.com")
OTHER = User(email="other@example.com")


@dataclass
class Thing:
    """Any row that remembers who created it."""

    created_by_id: UUID | None


def analyst(user: User) -> Actor:
    return member_actor(user=user, organization=ORGANIZATION, role=Role.ANALYST)


def analysts_key(*scopes: str, created_by: User | None = CREATOR) -> Actor:
    key = ApiKey(organization=ORGANIZATION, created_by=created_by, role=Role.ANALYST, scopes=list(scopes))
    return Actor(
        organization=ORGANIZATION,
        role=Role.ANALYST,
        permissions=roles.PERMISSIONS[Role.ANALYST],
        api_key=key,
    )


@pytest.mark.parametrize(
    ("actor", "created_by_id", "expected"),
    [
        (analyst(CREATOR), CREATOR.pk, True),
        (analyst(OTHER), CREATOR.pk, False),
        (analyst(CREATOR), None, False),
        (analysts_key("datasets:write"), CREATOR.pk, True),
        (analysts_key("datasets:write"), OTHER.pk, False),
        (analysts_key("datasets:read"), CREATOR.pk, False),
        (analysts_key("projects:write"), CREATOR.pk, False),
        (analysts_key("datasets:write", created_by=None), None, False),
        (member_actor(user=CREATOR, organization=ORGANIZATION, role=Role.VIEWER), CREATOR.pk, False),
    ],
)
def test_who_may_delete_a_dataset(actor: Actor, created_by_id: Any, expected: bool) -> None:
    assert actor.may("datasets.delete", Thing(created_by_id)) is expected


def test_ownership_gives_nothing_where_the_product_does_not_know_it() -> None:
    assert not analyst(CREATOR).may("spatial.delete", Thing(CREATOR.pk))


def test_ownership_never_gives_the_admin_column() -> None:
    assert not analyst(CREATOR).may("datasets.configure", Thing(CREATOR.pk))
