"""Members: listed for all, changed by admins, free to leave; an admin always stays."""

import threading
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import ApiKey, AuditEntry, Membership, Organization, Role
from apps.accounts.services import change_role, create_api_key, remove_member
from apps.accounts.services.members import LastAdmin
from apps.common import live
from apps.common.errors import Forbidden, NotFound
from tests.factories.accounts import MembershipFactory, create_member
from tests.furniture.people import Actors, Person, just_signed_in, long_ago
from tests.furniture.query_counts import Check


def url_of(organization: Organization, person: Person | None = None) -> str:
    below = f"/{person.user.pk}" if person is not None and person.user is not None else ""
    return f"/api/v1/organizations/{organization.pk}/members{below}"


def membership_of(person: Person) -> Membership:
    return Membership.objects.get(organization=person.organization, user=person.user)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_viewer_sees_the_members_with_their_roles(actors: Actors) -> None:
    for name in ("admin", "manager", "analyst"):
        assert actors[name].user is not None
    rows = actors.viewer.api.get(url_of(actors.organization)).json()["results"]
    assert {row["role"] for row in rows} == {"admin", "manager", "analyst", "viewer"}
    one = actors.viewer.api.get(url_of(actors.organization, actors.manager)).json()
    assert (one["user"]["email"], one["role"]) == (actors.manager.user.email, "manager")  # type: ignore[union-attr]


def test_an_admin_changes_a_role_and_the_next_request_has_it(actors: Actors) -> None:
    """Edge case 3."""
    assert actors.manager.api.get("/api/v1/me/permissions").json()["role"] == "manager"
    answer = actors.admin.api.patch(
        url_of(actors.organization, actors.manager), {"role": "viewer"}, format="json"
    )
    assert (answer.status_code, answer.json()["role"]) == (200, "viewer")
    assert actors.manager.api.get("/api/v1/me/permissions").json()["role"] == "viewer"
    entry = AuditEntry.objects.get(verb="accounts.role_changed")
    assert entry.changes == {"role": "viewer", "previous_role": "manager"}
    assert entry.target_id == str(actors.manager.user.pk)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["manager", "analyst", "viewer", "key"])
def test_only_an_admin_changes_roles_and_removes_others(actors: Actors, name: str) -> None:
    url = url_of(actors.organization, actors.admin)
    assert actors[name].api.patch(url, {"role": "viewer"}, format="json").status_code == 403
    assert actors[name].api.delete(url).status_code == 403


def test_giving_the_admin_role_asks_who_it_is_again(actors: Actors) -> None:
    url = url_of(actors.organization, actors.viewer)
    long_ago(actors.admin)
    stale = actors.admin.api.patch(url, {"role": "admin"}, format="json")
    assert code(stale) == (403, "auth.reauthentication_required")
    fresh = just_signed_in(actors.admin).patch(url, {"role": "admin"}, format="json")
    assert (fresh.status_code, fresh.json()["role"]) == (200, "admin")
    invitation = {"email": "x@example.com", "role": "admin"}
    invitations = f"/api/v1/organizations/{actors.organization.pk}/invitations"
    answer = actors.admin.api.post(invitations, invitation, format="json")
    assert code(answer) == (403, "auth.reauthentication_required")
    assert just_signed_in(actors.admin).post(invitations, invitation, format="json").status_code == 201


def test_a_stranger_finds_no_member(actors: Actors) -> None:
    url = url_of(actors.organization, actors.viewer)
    api = actors.stranger.api
    assert api.get(url_of(actors.organization)).status_code == 404
    assert api.get(url).status_code == 404
    assert api.patch(url, {"role": "admin"}, format="json").status_code == 404
    assert api.delete(url).status_code == 404
    own = f"/api/v1/organizations/{actors.stranger.organization.pk}/members/{actors.viewer.user.pk}"  # type: ignore[union-attr]
    assert api.delete(own).status_code == 404


def test_the_last_admin_can_neither_step_down_nor_leave(actors: Actors) -> None:
    create_member(actors.organization, Role.ADMIN, is_active=False)  # who is locked out runs nothing
    url = url_of(actors.organization, actors.admin)
    assert code(actors.admin.api.patch(url, {"role": "manager"}, format="json")) == (
        409,
        "accounts.last_admin",
    )
    assert code(actors.admin.api.delete(url)) == (409, "accounts.last_admin")
    create_member(actors.organization, Role.ADMIN)
    assert actors.admin.api.delete(url).status_code == 204


@pytest.mark.parametrize("name", ["viewer", "analyst", "manager"])
def test_everybody_may_leave(actors: Actors, name: str) -> None:
    person = actors[name]
    assert person.api.delete(url_of(actors.organization, person)).status_code == 204
    assert person.api.get("/api/v1/datasets").status_code == 409
    person.user.refresh_from_db()  # type: ignore[union-attr]
    assert person.user.default_organization_id is None  # type: ignore[union-attr]
    entry = AuditEntry.objects.get(verb="accounts.member_removed")
    assert (entry.actor_id, entry.target_id) == (person.user.pk, str(person.user.pk))  # type: ignore[union-attr]


@pytest.mark.parametrize(("query", "is_revoked"), [("", False), ("?revoke_keys=true", True)])
def test_the_keys_of_who_leaves_live_on_unless_told(actors: Actors, query: str, is_revoked: bool) -> None:
    key, _ = create_api_key(actor=actors.analyst.actor, name="k", role=Role.ANALYST, scopes=["datasets:read"])
    other, _ = create_api_key(actor=actors.admin.actor, name="k", role=Role.ANALYST, scopes=["datasets:read"])
    url = url_of(actors.organization, actors.analyst)
    assert actors.admin.api.delete(url + query).status_code == 204
    assert (ApiKey.objects.get(pk=key.pk).revoked_at is not None) is is_revoked
    assert ApiKey.objects.get(pk=other.pk).revoked_at is None


def test_an_unknown_parameter_or_role_is_422(actors: Actors) -> None:
    url = url_of(actors.organization, actors.viewer)
    assert actors.admin.api.delete(f"{url}?revoke=true").status_code == 422
    assert actors.admin.api.patch(url, {"role": "owner"}, format="json").status_code == 422


def test_an_actor_of_another_organization_reaches_no_membership(actors: Actors) -> None:
    with pytest.raises(NotFound):
        change_role(actor=actors.stranger.actor, membership=membership_of(actors.viewer), role=Role.ADMIN)
    with pytest.raises(NotFound):
        remove_member(actor=actors.stranger.actor, membership=membership_of(actors.viewer))
    with pytest.raises(Forbidden):
        remove_member(actor=actors.manager.actor, membership=membership_of(actors.viewer))


def test_a_changed_role_has_open_connections_checked(actors: Actors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edge case 3; that the check takes the topics is proven in tests/live/test_losing_rights.py."""
    told: list[Any] = []
    monkeypatch.setattr(live, "revoke", lambda **subject: told.append(subject))
    change_role(actor=actors.admin.actor, membership=membership_of(actors.viewer), role=Role.ANALYST)
    assert told == [{"user_id": actors.viewer.user.pk}]  # type: ignore[union-attr]


@pytest.mark.django_db(transaction=True)
def test_of_two_last_admins_who_leave_at_once_one_stays() -> None:
    """Edge case 4."""
    actors = Actors()
    second = Person("second", actors.organization, create_member(actors.organization, Role.ADMIN), Role.ADMIN)
    people = [actors.admin, second]
    memberships = {person.name: membership_of(person) for person in people}
    actor_of = {person.name: person.actor for person in people}
    barrier, outcomes = threading.Barrier(2), []

    def leave(name: str) -> None:
        try:
            barrier.wait(60)
            remove_member(actor=actor_of[name], membership=memberships[name])
            outcomes.append("left")
        except LastAdmin:
            outcomes.append("stayed")
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=(person.name,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["left", "stayed"]
    assert Membership.objects.filter(organization=actors.organization, role=Role.ADMIN).count() == 1


def test_the_list_runs_the_same_number_of_queries(actors: Actors, same_queries: Check) -> None:
    url = url_of(actors.organization)

    def make() -> None:
        MembershipFactory.create(organization=actors.organization)

    same_queries("GET /api/v1/organizations/{id}/members", make, lambda: actors.viewer.api.get(url))
