"""Organizations by API: made by anybody, run by their admins, invisible to strangers."""

from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import AuditEntry, Organization, Role
from apps.accounts.services import add_member, create_api_key, create_organization, set_suspended
from apps.common.errors import Forbidden
from tests.factories.accounts import MembershipFactory, OrganizationFactory, UserFactory
from tests.furniture.people import Actors, Person, just_signed_in, long_ago
from tests.furniture.query_counts import Check

ORGANIZATIONS = "/api/v1/organizations"


def url_of(organization: Organization) -> str:
    return f"{ORGANIZATIONS}/{organization.pk}"


def patch(person: Person, organization: Organization, **body: Any) -> Any:
    return person.api.patch(url_of(organization), body, format="json")


def system() -> Organization:
    return Organization.objects.get(slug="system")


def test_whoever_makes_an_organization_is_its_admin(actors: Actors) -> None:
    answer = actors.viewer.api.post(ORGANIZATIONS, {"name": "Café  Nord"}, format="json")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["slug"], made["role"]) == ("cafe-nord", "admin")
    assert actors.viewer.api.get(answer["Location"]).json() == made
    entries = AuditEntry.objects.filter(organization=made["id"]).values_list("verb", flat=True)
    assert set(entries) == {"accounts.organization_created", "accounts.member_added"}


@pytest.mark.parametrize("slug", ["system", "me", "0198c1d2-0000-7000-8000-000000000001"])
def test_a_short_name_that_means_something_else_is_taken(actors: Actors, slug: str) -> None:
    answer = actors.viewer.api.post(ORGANIZATIONS, {"name": "X", "slug": slug}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "accounts.slug_taken")


def test_a_name_that_gives_a_reserved_short_name_gets_another_one(db: None) -> None:
    assert create_organization(name="System").slug == "system-2"
    assert create_organization(name="API").slug == "api-2"


@pytest.mark.parametrize(
    "body", [{"name": ""}, {"name": "x" * 121}, {"name": "x", "slug": "A b"}, {"nam": 1}]
)
def test_a_wrong_value_is_422(actors: Actors, body: dict[str, Any]) -> None:
    assert actors.viewer.api.post(ORGANIZATIONS, body, format="json").status_code == 422
    assert actors.admin.api.patch(url_of(actors.organization), body, format="json").status_code == 422


def test_an_admin_changes_the_settings_and_a_manager_may_not(actors: Actors) -> None:
    answer = patch(actors.admin, actors.organization, name="New", allowed_email_domains=["@Example.COM "])
    assert answer.status_code == 200, answer.content
    assert answer.json()["allowed_email_domains"] == ["example.com"]
    entry = AuditEntry.objects.get(verb="accounts.organization_changed")
    assert entry.changes == {"name": "New", "allowed_email_domains": ["example.com"]}
    refused = patch(actors.manager, actors.organization, name="Mine")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission.denied")


def test_a_change_of_nothing_leaves_no_line_of_audit(actors: Actors) -> None:
    assert patch(actors.admin, actors.organization, name=actors.organization.name).status_code == 200
    assert not AuditEntry.objects.filter(verb="accounts.organization_changed").exists()


def test_a_short_name_of_another_organization_is_409_and_no_domain_is_422(actors: Actors) -> None:
    taken = patch(actors.admin, actors.organization, slug=OrganizationFactory.create().slug)
    assert (taken.status_code, taken.json()["code"]) == (409, "accounts.slug_taken")
    wrong = patch(actors.admin, actors.organization, allowed_email_domains=["example.com", "no domain"])
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/allowed_email_domains/1"


def test_the_role_in_the_organization_of_the_address_decides_not_that_in_the_active_one(
    actors: Actors,
) -> None:
    other = OrganizationFactory.create()
    assert actors.admin.user is not None
    MembershipFactory.create(organization=other, user=actors.admin.user, role=Role.VIEWER)
    assert actors.admin.api.get(url_of(other)).json()["role"] == "viewer"
    assert patch(actors.admin, other, name="Mine").status_code == 403
    assert patch(actors.admin, actors.organization, name="Mine").status_code == 200


def test_a_stranger_finds_nothing(actors: Actors) -> None:
    for method in ("get", "patch", "delete"):
        call = getattr(actors.stranger.api, method)
        assert call(url_of(actors.organization), format="json").status_code == 404
    listed = actors.stranger.api.get(ORGANIZATIONS).json()["results"]
    assert str(actors.organization.pk) not in {row["id"] for row in listed}


def test_a_deleted_organization_is_gone_for_everybody_at_once(actors: Actors) -> None:
    assert actors.key.api.get(ORGANIZATIONS).status_code == 200
    assert actors.manager.api.delete(url_of(actors.organization)).status_code == 403
    long_ago(actors.admin)
    stale = actors.admin.api.delete(url_of(actors.organization))
    assert (stale.status_code, stale.json()["code"]) == (403, "auth.reauthentication_required")
    assert just_signed_in(actors.admin).delete(url_of(actors.organization)).status_code == 204

    assert Organization.objects.get(pk=actors.organization.pk).deleted_at is not None
    assert actors.admin.api.get(url_of(actors.organization)).status_code == 404
    assert actors.viewer.api.get("/api/v1/datasets").json()["code"] == "accounts.no_organization"
    assert actors.key.api.get(ORGANIZATIONS).status_code == 401
    named = actors.viewer.api.get("/api/v1/datasets", headers={"X-Organization": actors.organization.slug})
    assert named.status_code == 404
    assert actors.admin.api.get("/api/v1/me").json()["memberships"] == []


def test_the_installations_own_organization_is_managed_by_command_only(actors: Actors) -> None:
    assert actors.admin.user is not None
    add_member(organization=system(), user=actors.admin.user, role=Role.ADMIN)
    assert patch(actors.admin, system(), name="Mine").status_code == 403
    refused = just_signed_in(actors.admin).delete(url_of(system()))
    assert (refused.status_code, refused.json()["code"]) == (403, "permission.denied")
    members = f"{url_of(system())}/members/{actors.admin.user.pk}"
    assert actors.admin.api.delete(members).status_code == 403
    assert actors.admin.api.patch(members, {"role": "viewer"}, format="json").status_code == 403
    with pytest.raises(Forbidden):
        set_suspended(organization=system(), is_suspended=True)
    assert system().memberships.get().role == Role.ADMIN


def test_if_match_of_a_deleted_organization_is_404_and_of_a_changed_one_412(actors: Actors) -> None:
    """Edge case 10."""
    url = url_of(actors.organization)
    etag = actors.admin.api.get(url)["ETag"]
    assert patch(actors.admin, actors.organization, name="Second").status_code == 200
    stale = actors.admin.api.patch(url, {"name": "Third"}, format="json", headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition.failed")
    Organization.objects.filter(pk=actors.organization.pk).update(deleted_at=timezone.now())
    gone = actors.admin.api.patch(url, {"name": "Third"}, format="json", headers={"If-Match": etag})
    assert gone.status_code == 404


def test_the_active_organization_is_the_one_named_by_id_or_short_name(actors: Actors) -> None:
    other = OrganizationFactory.create()
    assert actors.admin.user is not None
    MembershipFactory.create(organization=other, user=actors.admin.user, role=Role.VIEWER)

    def role(**headers: str) -> Any:
        return actors.admin.api.get("/api/v1/me/permissions", headers=headers).json().get("role")

    assert role() == "admin"
    assert role(**{"X-Organization": other.slug}) == "viewer"
    assert role(**{"X-Organization": str(other.pk)}) == "viewer"
    foreign = OrganizationFactory.create()
    answer = actors.admin.api.get("/api/v1/me/permissions", headers={"X-Organization": foreign.slug})
    assert answer.status_code == 404


def test_without_an_organization_it_is_409_and_in_a_suspended_one_403(actors: Actors) -> None:
    lonely = Person("lonely", user=UserFactory.create())
    answer = lonely.api.get("/api/v1/me/permissions")
    assert (answer.status_code, answer.json()["code"]) == (409, "accounts.no_organization")
    assert lonely.api.get(ORGANIZATIONS).json()["results"] == []

    set_suspended(organization=actors.organization, is_suspended=True)
    for call in (actors.admin.api.get, actors.key.api.get):
        answer = call("/api/v1/datasets")
        assert (answer.status_code, answer.json()["code"]) == (403, "accounts.suspended")
    assert actors.admin.api.get(url_of(actors.organization)).json()["code"] == "accounts.suspended"
    (row,) = actors.admin.api.get(ORGANIZATIONS).json()["results"]
    assert row["suspended_at"] is not None
    set_suspended(organization=actors.organization, is_suspended=False)
    assert actors.key.api.get("/api/v1/datasets").status_code == 200
    verbs = AuditEntry.objects.filter(verb__startswith="accounts.organization_").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == [
        "accounts.organization_suspended",
        "accounts.organization_restored",
    ]


def test_a_key_sees_its_organization_only_with_a_scope_of_accounts(actors: Actors) -> None:

    _, raw = create_api_key(
        actor=actors.admin.actor, name="meter", role=Role.ANALYST, scopes=["metrics:ingest"]
    )
    meter = Person("meter", raw_key=raw)
    for path in (ORGANIZATIONS, url_of(actors.organization), f"{url_of(actors.organization)}/members"):
        assert meter.api.get(path).status_code == 403
        assert actors.key.api.get(path).status_code == 200
    assert actors.key.api.post(ORGANIZATIONS, {"name": "X"}, format="json").status_code == 403


def test_the_list_runs_the_same_number_of_queries(actors: Actors, same_queries: Check) -> None:
    def make() -> None:
        MembershipFactory.create(user=actors.admin.user, role=Role.VIEWER)

    same_queries("GET /api/v1/organizations", make, lambda: actors.admin.api.get(ORGANIZATIONS))


def test_a_second_factor_that_nobody_can_set_up_is_not_demanded(actors: Actors) -> None:
    url = f"/api/v1/organizations/{actors.organization.pk}"
    refused = actors.admin.api.patch(url, {"require_mfa": True, "name": "New"}, format="json")
    assert refused.status_code == 422
    [item] = refused.json()["errors"]
    assert (item["pointer"], item["code"]) == ("/require_mfa", "not_available")
    kept = actors.admin.api.patch(url, {"require_mfa": False}, format="json").json()
    assert (kept["require_mfa"], kept["name"]) == (False, actors.organization.name)
