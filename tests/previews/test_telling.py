"""What others hear of a preview: its creator by notices, watchers by the topic, operators, programs."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.test import Client
from django.utils import timezone

from apps.accounts.models import AuditEntry, Notification, User
from apps.accounts.models import Session as SignIn
from apps.common.errors import NotFound
from apps.common.live import topics
from apps.common.live.streams import Address
from apps.common.probes import run_probes
from apps.previews import periodic
from apps.previews.cleaning.refusals import audit_refusals
from apps.previews.models import AccessEntry, CleanupRun, Session
from apps.previews.tools import PreviewsWanted, list_previews
from tests.furniture.people import Actors, sign_in_quietly
from tests.furniture.valkey import told
from tests.previews.conftest import Ready
from tests.previews.stories import SESSIONS, create, open_revision, project_of, upload, visit, zip_of


def kinds(actors: Actors) -> list[str]:
    rows = Notification.objects.filter(user=actors.analyst.user, kind__startswith="previews.")
    return list(rows.order_by("created_at", "pk").values_list("kind", flat=True))


def test_the_creator_hears_of_each_turn_once(actors: Actors, ready: Ready) -> None:
    made = ready()
    for _ in range(2):
        visit("grants", made["token"])
    Session.objects.filter(pk=made["id"]).update(expires_at=timezone.now() - timedelta(seconds=60))
    for _ in range(2):
        periodic.expire()
    assert kinds(actors) == ["previews.ready", "previews.opened", "previews.expired"]
    told = Notification.objects.filter(kind="previews.expired").get()
    assert made["token"] not in f"{told.title} {told.body}"


def test_the_creator_hears_of_a_refused_bundle_but_not_of_their_own_revocation(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    made = create(actors.analyst)
    upload(actors.analyst, made["id"], b"no zip")
    run_jobs()
    actors.analyst.api.post(f"{SESSIONS}/{made['id']}/revoke")
    assert kinds(actors) == ["previews.failed"]
    other = create(actors.analyst)
    actors.admin.api.post(f"{SESSIONS}/{other['id']}/revoke")
    assert kinds(actors) == ["previews.failed", "previews.expired"]


def test_only_who_sees_the_project_watches_a_preview(actors: Actors) -> None:
    made = create(actors.analyst, project_of(actors.analyst, visibility="private"))
    topic = topics.find_topic(actors.viewer.actor, f"previews.{made['id']}")
    for name, is_open in (("analyst", True), ("admin", True), ("viewer", False), ("stranger", False)):
        assert _may_watch(topic, actors[name].actor, f"previews.{made['id']}") is is_open, name


def _may_watch(topic: topics.Topic, actor: Any, name: str) -> bool:
    try:
        topic.check_row(actor, name)
    except NotFound:
        return False
    return True


@pytest.mark.django_db(transaction=True)
def test_watchers_hear_each_step_of_a_next_revision(
    actors: Actors, ready: Ready, run_jobs: Callable[[], int], valkey: redis.Redis
) -> None:
    made = ready()
    steps = []
    with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(Address(actors.organization.pk, f"previews.{made['id']}").channel)
        pubsub.get_message(timeout=60)  # that it is subscribed
        open_revision(actors.analyst, made["id"])
        for content in (b"no zip", zip_of()):
            upload(actors.analyst, made["id"], content)
            run_jobs()
        frames = [json.loads(message["data"].partition(b"\n")[2]) for message in told(pubsub)]
        steps = [frame["data"]["next_status"] for frame in frames if frame["type"] == "status.changed"]
        assert {frame["data"]["status"] for frame in frames} == {"ready"}
    tried = ["pending", "uploading", "validating"]
    assert steps == [*tried, *tried, None]


def test_programs_list_previews_without_what_opens_them(actors: Actors, ready: Ready) -> None:
    made = ready()
    create(actors.analyst, project_of(actors.analyst, visibility="private"))
    page = list_previews(actors.viewer.actor, PreviewsWanted())
    assert [str(facts.id) for facts in page.previews] == [made["id"]]
    assert page.previews[0].status == "ready"
    assert made["token"][4:] not in repr(page)
    assert list_previews(actors.stranger.actor, PreviewsWanted()).previews == []


def test_acts_are_audited_and_refusals_summed_by_the_minute(actors: Actors, ready: Ready) -> None:
    made = ready()
    visit("grants", made["token"])
    for number in range(3):
        visit("grants", made["token"], device_id=f"another-device-{number:03}")
    minute_ago = timezone.now() - timedelta(minutes=1)
    AccessEntry.objects.filter(kind="refused").update(at=minute_ago)
    for _ in range(2):
        audit_refusals(timezone.now())
    refused = AuditEntry.objects.get(verb="previews.refused")
    assert (refused.target_id, refused.changes["refused"]) == (made["id"], 3)
    verbs = set(AuditEntry.objects.filter(target_id=made["id"]).values_list("verb", flat=True))
    assert {"previews.created", "previews.uploaded"} <= verbs


def test_health_knows_the_store_and_the_last_clean_up(actors: Actors) -> None:
    found = {finding.name: finding for finding in run_probes(["preview_store", "preview_cleanup"])}
    assert found["preview_store"].status in {"ok", "degraded"}
    assert found["preview_store"].facts["free_percent"] > 0
    assert found["preview_cleanup"].facts["age_s"] is None
    periodic.cleanup_light()
    assert CleanupRun.objects.get().failed == 0


@pytest.fixture
def staff(db: None) -> Client:
    user = User.objects.create(email="operator@example.com", name="Operator", is_staff=True)
    client = Client()
    sign_in_quietly(client, user)
    return client


def act(staff: Client, action: str, made: dict[str, Any]) -> str:
    body = {"action": action, "_selected_action": [made["id"]]}
    answer = staff.post("/admin/previews/session/", body, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_operators_see_revoke_and_purge(actors: Actors, ready: Ready, staff: Client) -> None:
    made, other = ready(label="<b>mine"), ready()
    visit("grants", made["token"])
    page = staff.get(f"/admin/previews/session/{made['id']}/change/").content.decode()
    assert "&lt;b&gt;mine" in page
    assert made["token"] not in page
    assert "Done for 1" in act(staff, "revoke", made)
    assert Session.objects.get(pk=made["id"]).status == "revoked"
    assert "Done for 1" in act(staff, "purge_now", other)
    assert Session.objects.get(pk=other["id"]).status == "purged"
    assert staff.get("/admin/previews/cleanupevent/").status_code == 200
    assert AuditEntry.objects.filter(verb="previews.purged", actor_type="staff").exists()


def test_purging_wants_a_fresh_sign_in(actors: Actors, ready: Ready, staff: Client) -> None:
    made = ready()
    operator = User.objects.get(email="operator@example.com")
    SignIn.objects.filter(user=operator).update(reauthenticated_at=timezone.now() - timedelta(hours=1))
    assert "Sign in again" in act(staff, "purge_now", made)
    assert Session.objects.get(pk=made["id"]).status == "ready"


def test_the_clean_up_page_tries_and_runs(actors: Actors, staff: Client) -> None:
    made = create(actors.analyst)
    Session.objects.filter(pk=made["id"]).update(expires_at=timezone.now() - timedelta(seconds=60))
    page = staff.get("/admin/previews/cleanuprun/cleanup/").content.decode()
    assert made["id"] in page
    assert Session.objects.get(pk=made["id"]).status == "pending"
    assert not CleanupRun.objects.exists()
    assert "Done: 1 items" in staff.post("/admin/previews/cleanuprun/cleanup/", follow=True).content.decode()
    assert Session.objects.get(pk=made["id"]).status == "expired"
    assert staff.get("/admin/previews/cleanuprun/").status_code == 200
