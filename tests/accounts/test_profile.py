"""`/me`: what people say about themselves, and what they may do."""

from typing import Any

import pytest

from apps.accounts import roles
from apps.accounts.models import AuditEntry, Role
from tests.factories.accounts import MembershipFactory, OrganizationFactory
from tests.furniture.people import Actors

ME = "/api/v1/me"


def test_somebody_reads_and_changes_their_profile(actors: Actors) -> None:
    before = actors.viewer.api.get(ME)
    assert before.json()["memberships"][0]["role"] == "viewer"
    body = {"name": "Zoë", "locale": "de-AT", "time_zone": "Europe/Vienna", "default_organization_id": None}
    after = actors.viewer.api.patch(ME, body, format="json", headers={"If-Match": before["ETag"]})
    assert after.status_code == 200, after.content
    assert after.json() == before.json() | body == actors.viewer.api.get(ME).json()
    entry = AuditEntry.objects.get(verb="accounts.profile_changed")
    assert entry.changes == {"fields": ["default_organization_id", "locale", "name", "time_zone"]}
    stale = actors.viewer.api.patch(ME, body, format="json", headers={"If-Match": before["ETag"]})
    assert stale.status_code == 412


@pytest.mark.parametrize(
    "body",
    [{"name": " "}, {"locale": "not a tag"}, {"time_zone": "Mars/Olympus"}, {"email": "x@example.com"}],
)
def test_a_wrong_value_is_422(actors: Actors, body: dict[str, Any]) -> None:
    answer = actors.viewer.api.patch(ME, body, format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(body))}"


def test_the_default_organization_is_one_of_their_own(actors: Actors) -> None:
    foreign = OrganizationFactory.create()
    body = {"default_organization_id": str(foreign.pk)}
    assert actors.viewer.api.patch(ME, body, format="json").status_code == 422
    MembershipFactory.create(organization=foreign, user=actors.viewer.user, role=Role.ADMIN)
    assert actors.viewer.api.patch(ME, body, format="json").status_code == 200
    assert actors.viewer.api.get(f"{ME}/permissions").json()["organization"]["slug"] == foreign.slug


@pytest.mark.parametrize("name", ["admin", "manager", "analyst", "viewer"])
def test_permissions_come_with_the_lowest_role_that_holds_them(actors: Actors, name: str) -> None:
    answer = actors[name].api.get(f"{ME}/permissions").json()
    assert answer["role"] == name
    held = {row["name"]: row for row in answer["permissions"]}
    in_full = {key for key, row in held.items() if not row["own_rows_only"]}
    assert in_full == roles.PERMISSIONS[Role(name)]
    assert all(row["role"] == roles.lowest_role(key) for key, row in held.items())
    owned = {"datasets.publish", "projects.apply", "previews.revoke"}
    assert owned & (held.keys() - in_full) == (owned if name == "analyst" else set())


@pytest.mark.parametrize("path", [ME, f"{ME}/permissions"])
def test_a_key_is_nobody_to_ask(actors: Actors, path: str) -> None:
    assert actors.key.api.get(path).status_code == 403
    assert actors.anonymous.api.get(path).status_code == 401
