"""Sessions as members handle them: who may what, what is checked, what is told only once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.common.quotas import merged
from apps.previews.models import AccessEntry, Device, Session
from apps.projects.models import Project
from tests.factories.projects import ProjectMemberFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.previews.conftest import Ready
from tests.previews.stories import SESSIONS, create, project_of, visit

# What each may do with the preview of a project that an analyst owns and everybody sees; None: not there.
EXPECTED: dict[str, dict[str, int]] = {
    name: {"see": sees, "open": sees}
    | dict.fromkeys(("extend", "revisions", "token", "devices", "revoke"), edits)
    for name, sees, edits in (
        ("analyst", 200, 200),
        ("admin", 200, 200),
        ("manager", 200, 200),
        ("viewer", 200, 403),
        ("stranger", 404, 404),
        ("anonymous", 401, 401),
    )
}


def act(person: Any, made: dict[str, Any], what: str) -> Any:
    address = f"{SESSIONS}/{made['id']}"
    if what == "see":
        return person.api.get(address)
    if what == "devices":
        return person.api.get(f"{address}/devices")
    body = {"ttl_s": 3_000} if what == "extend" else {}
    return person.api.post(f"{address}/{what}", body, format="json")


@pytest.mark.parametrize("name", EXPECTED)
def test_each_actor_does_what_their_right_allows(actors: Actors, ready: Ready, name: str) -> None:
    made = ready()
    found = {what: act(actors[name], made, what).status_code for what in EXPECTED[name]}
    assert found == EXPECTED[name]


def test_an_editor_shares_and_revokes_what_is_theirs_only(actors: Actors) -> None:
    project = project_of(actors.admin)
    ProjectMemberFactory.create(project=project, user=actors.analyst.user, role="editor")
    own, others = create(actors.analyst, project), create(actors.admin, project)
    assert act(actors.analyst, others, "extend").status_code == 200
    assert act(actors.analyst, others, "revoke").status_code == 403
    assert act(actors.analyst, own, "revoke").status_code == 200


def test_who_came_is_told_to_those_who_share_a_preview(actors: Actors) -> None:
    project = project_of(actors.admin)
    made = create(actors.admin, project)
    visit("resolve", made["token"])
    addresses = [f"{SESSIONS}/{made['id']}/{name}" for name in ("devices", "accesses")]
    assert [actors.analyst.api.get(each).status_code for each in addresses] == [403, 403]
    ProjectMemberFactory.create(project=project, user=actors.analyst.user, role="editor")
    # To read on stays allowed where nothing may be written any more.
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now())
    for person in (actors.analyst, actors.manager, actors.admin):
        assert [person.api.get(each).status_code for each in addresses] == [200, 200]
    assert actors.analyst.api.get(addresses[1]).json()["results"][0]["network"] == "127.0.0.0/24"


def test_a_private_project_hides_its_previews(actors: Actors) -> None:
    made = create(actors.analyst, project_of(actors.analyst, visibility="private"))
    assert act(actors.viewer, made, "see").status_code == 404
    assert actors.viewer.api.get(SESSIONS).json()["results"] == []
    assert len(actors.admin.api.get(SESSIONS).json()["results"]) == 1


def test_a_token_is_no_credential_of_the_api_and_opens_its_own_session_only(
    actors: Actors, ready: Ready
) -> None:
    made, other = ready(), ready()
    for scheme in ("Preview", "Bearer"):
        headers = {"Authorization": f"{scheme} {made['token']}"}
        assert Client().get(f"{SESSIONS}/{made['id']}", headers=headers).status_code == 401
    assert visit("resolve", made["token"]).json()["session_id"] == made["id"]
    assert visit("resolve", other["token"]).json()["session_id"] == other["id"]
    assert visit("resolve", actors.key.raw_key).status_code == 404


def test_creating_checks_every_field(actors: Actors) -> None:
    project = str(project_of(actors.analyst).pk)
    wrong: list[dict[str, Any]] = [
        {},
        {"platform": "windows"},
        {"ttl_s": 59},
        {"ttl_s": 3_601},
        {"max_devices": 0},
        {"max_devices": 6},
        {"access": "all"},
        {"label": "a" * 81},
        {"ref": "a" * 256},
        {"pairing_code": "x"},
        {"project_id": "x"},
    ]
    for change in wrong:
        body = {"project_id": project, "platform": "web", **change} if change else {}
        assert actors.analyst.api.post(SESSIONS, body, format="json").status_code == 422, change
    assert not Session.objects.exists()


def test_what_cannot_be_seen_edited_or_is_archived_cannot_be_shared(actors: Actors) -> None:
    project = project_of(actors.admin)
    body = {"project_id": str(project.pk), "platform": "web"}
    outcomes = {
        name: actors[name].api.post(SESSIONS, body, format="json").status_code
        for name in ("viewer", "analyst", "stranger", "anonymous")
    }
    assert outcomes == {"viewer": 403, "analyst": 403, "stranger": 404, "anonymous": 401}
    made = create(actors.admin, project)
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now())
    archived = actors.admin.api.post(SESSIONS, body, format="json")
    assert (archived.status_code, archived.json()["code"]) == (409, "projects.archived")
    for what in ("extend", "token", "revoke"):
        assert act(actors.admin, made, what).status_code == 409
    assert act(actors.admin, made, "see").status_code == 200


def test_a_created_preview_is_shown_once_and_never_again(actors: Actors) -> None:
    project = project_of(actors.analyst)
    body = {"project_id": str(project.pk), "platform": "web", "label": "Sprint 7", "ref": "main"}
    headers = {"Idempotency-Key": "once"}
    first = actors.analyst.api.post(SESSIONS, body, format="json", headers=headers)
    made = first.json()
    assert (made["label"], made["ref"], made["status"], made["stage"]) == (
        "Sprint 7",
        "main",
        "pending",
        None,
    )
    assert made["url"].endswith(f"/p/{made['public_id']}#{made['token']}")
    assert made["token_prefix"] == made["token"][:8]
    assert made["qr_svg"].startswith("<svg")
    again = actors.analyst.api.post(SESSIONS, body, format="json", headers=headers)
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == made | dict.fromkeys(("token", "url", "qr_svg"))
    assert Session.objects.count() == 1
    assert "token" not in actors.analyst.api.get(f"{SESSIONS}/{made['id']}").json()


def test_a_project_has_ten_live_previews(actors: Actors) -> None:
    project = project_of(actors.analyst)
    made = [create(actors.analyst, project) for _ in range(10)]
    body = {"project_id": str(project.pk), "platform": "web"}
    full = actors.analyst.api.post(SESSIONS, body, format="json")
    assert (full.status_code, full.json()["code"]) == (409, "previews.limit_reached")
    act(actors.analyst, made[0], "revoke")
    assert actors.analyst.api.post(SESSIONS, body, format="json").status_code == 201


def test_creations_are_limited_per_project(actors: Actors, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"preview_create": "1/h"})
    project = project_of(actors.analyst)
    create(actors.analyst, project)
    body = {"project_id": str(project.pk), "platform": "web"}
    assert actors.analyst.api.post(SESSIONS, body, format="json").status_code == 429
    create(actors.analyst)


def test_more_time_is_given_within_bounds(actors: Actors) -> None:
    made = create(actors.analyst, ttl_s=600)
    address = f"{SESSIONS}/{made['id']}/extend"
    longer = actors.analyst.api.post(address, {"ttl_s": 3_600}, format="json")
    assert longer.status_code == 200
    assert longer.json()["expires_at"] > made["expires_at"]
    assert actors.analyst.api.post(address, {"ttl_s": 60}, format="json").status_code == 422
    assert actors.analyst.api.post(address, {"ttl_s": 3_601}, format="json").status_code == 422
    Session.objects.filter(pk=made["id"]).update(created_at=timezone.now() - timedelta(hours=23, minutes=30))
    assert actors.analyst.api.post(address, {"ttl_s": 3_600}, format="json").status_code == 422
    assert visit("resolve", made["token"]).status_code == 200


def test_what_has_ended_never_comes_back(actors: Actors) -> None:
    """Edge case 16."""
    made = create(actors.analyst)
    Session.objects.filter(pk=made["id"]).update(expires_at=timezone.now() - timedelta(seconds=60))
    for what in ("extend", "revisions", "token"):
        answer = act(actors.analyst, made, what)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict.state")
    assert actors.analyst.api.get(f"{SESSIONS}/{made['id']}").json()["status"] == "expired"
    other = create(actors.analyst)
    assert act(actors.analyst, other, "revoke").json()["status"] == "revoked"
    for what in ("extend", "revisions", "token", "revoke", "open"):
        assert act(actors.analyst, other, what).status_code == 409
    # However long it would have lived, and however long ago that was: it has ended, that is what is told.
    address = f"{SESSIONS}/{other['id']}/extend"
    for ttl_s, created_at in ((60, timezone.now()), (3_600, timezone.now() - timedelta(days=2))):
        Session.objects.filter(pk=other["id"]).update(created_at=created_at)
        answer = actors.analyst.api.post(address, {"ttl_s": ttl_s}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict.state")


def test_previews_are_narrowed_by_project_status_and_platform(actors: Actors) -> None:
    one = create(actors.analyst, project_of(actors.analyst), platform="ios")
    two = create(actors.analyst)
    act(actors.analyst, two, "revoke")

    def ids(query: str) -> list[str]:
        answer = actors.viewer.api.get(f"{SESSIONS}?{query}")
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["results"]]

    assert ids("") == [two["id"], one["id"]]
    assert ids("status=pending") == [one["id"]]
    assert ids(f"project_id={two['project_id']}") == [two["id"]]
    assert ids("platform=ios&platform=android") == [one["id"]]
    assert actors.viewer.api.get(f"{SESSIONS}?status=new").status_code == 422


def test_lists_take_the_same_queries_for_one_row_and_twenty(actors: Actors, same_queries: Check) -> None:
    same_queries(
        "GET /api/v1/preview/sessions",
        lambda: create(actors.analyst),
        lambda: actors.viewer.api.get(SESSIONS),
    )
    session = Session.objects.order_by("pk")[0]
    parts = {"organization": session.organization, "session": session}

    def add_device() -> None:
        count = Device.objects.count()
        Device.objects.create(**parts, device_hash=bytes([count]), last_seen_at=timezone.now())

    def add_access() -> None:
        AccessEntry.objects.create(**parts, at=timezone.now(), kind="resolve")

    address = f"{SESSIONS}/{session.pk}"
    for name, add in (("devices", add_device), ("accesses", add_access)):
        same_queries(
            f"GET /api/v1/preview/sessions/{{id}}/{name}",
            add,
            lambda name=name: actors.analyst.api.get(f"{address}/{name}"),  # type: ignore[misc]
        )
