"""People are told of what others do to them: invitations, roles, removals, keys in their name."""

import re

import pytest
from django.utils import timezone

from apps.accounts.models import Mail, Notification, Role
from tests.factories.accounts import UserFactory, create_member
from tests.furniture.people import Actors, just_signed_in


def test_an_invited_user_is_told_once_and_only_at_a_verified_address(
    actors: Actors,
) -> None:
    ann = UserFactory.create(email="ann@example.com", email_verified_at=timezone.now())
    UserFactory.create(email="bob@example.com", email_verified_at=None)
    url = f"/api/v1/organizations/{actors.organization.pk}/invitations"
    for email in ("Ann@Example.com", "bob@example.com", "cleo@example.com"):
        answer = actors.admin.api.post(url, {"email": email, "role": "viewer"}, format="json")
        assert answer.status_code == 201, answer.content
    notice = Notification.objects.get()
    assert (notice.user, notice.organization) == (ann, actors.organization)
    assert actors.organization.name in notice.title
    assert not re.search(r"[0-9A-Za-z_-]{20,}", notice.title + notice.body)


def test_a_member_is_told_of_the_role_that_an_admin_gives_them(actors: Actors) -> None:
    user = actors.analyst.user
    assert user is not None
    url = f"/api/v1/organizations/{actors.organization.pk}/members/{user.pk}"
    for role in ("viewer", "viewer", "manager"):
        assert actors.admin.api.patch(url, {"role": role}, format="json").status_code == 200
    told = Notification.objects.filter(user=user, kind="accounts.role_changed").order_by("created_at")
    assert [notice.body for notice in told] == ["You were analyst before.", "You were viewer before."]
    assert told[1].title == f"You are manager of {actors.organization.name} now"
    assert told[1].organization == actors.organization


def test_a_removed_member_is_told_and_reads_it_though_they_belong_nowhere(actors: Actors) -> None:
    viewer = actors.viewer
    assert viewer.user is not None
    url = f"/api/v1/organizations/{actors.organization.pk}/members/{viewer.user.pk}"
    assert actors.admin.api.delete(url).status_code == 204
    [notice] = viewer.api.get("/api/v1/notifications").json()["results"]
    assert notice["kind"] == "accounts.membership_ended"
    assert notice["title"] == f"You no longer belong to {actors.organization.name}"
    assert notice["organization"] is None


def test_what_people_do_themselves_is_not_told_to_them(actors: Actors) -> None:
    members = f"/api/v1/organizations/{actors.organization.pk}/members"
    assert actors.admin.user is not None
    create_member(actors.organization, Role.ADMIN)
    admin = just_signed_in(actors.admin)
    Notification.objects.all().delete()
    own = f"{members}/{actors.admin.user.pk}"
    assert admin.patch(own, {"role": "viewer"}, format="json").status_code == 200
    assert admin.delete(own).status_code == 204
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("scopes", "is_told"), [(["datasets:manage", "mcp"], True), (["datasets:read", "datasets:write"], False)]
)
def test_a_key_that_may_manage_is_told_both_ways_to_whoever_has_it(
    actors: Actors, scopes: list[str], *, is_told: bool
) -> None:
    api = just_signed_in(actors.admin)
    Mail.objects.all().delete()
    Notification.objects.all().delete()
    body = {"name": "Robot", "role": "manager", "scopes": scopes}
    made = api.post("/api/v1/api-keys", body, format="json")
    assert made.status_code == 201, made.content
    rotated = api.post(f"/api/v1/api-keys/{made.json()['id']}/rotate", {}, format="json")
    assert rotated.status_code == 201, rotated.content
    told = Notification.objects.filter(user=actors.admin.user, kind="accounts.managing_key_created")
    assert (told.count(), Mail.objects.count()) == ((2, 2) if is_told else (0, 0))
    for notice in told:
        assert "datasets:manage" in notice.body
        assert made.json()["key"] not in notice.title + notice.body
