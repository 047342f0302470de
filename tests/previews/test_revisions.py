"""The next revision: whatever becomes of its upload, what is ready serves on until the new content is."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.models import AuditEntry, Notification
from apps.common.errors import Conflict
from apps.common.jobs import find_kind
from apps.common.jobs.lifecycle import retry
from apps.common.uploads import StoredFile
from apps.previews import services
from apps.previews.cleaning.planning import LIGHT
from apps.previews.cleaning.running import clean
from apps.previews.models import Bundle, Session
from apps.previews.services import ReceivedBundle
from apps.previews.storing import FOLDER
from apps.previews.tools import PreviewsWanted, list_previews
from apps.previews.validating.settling import settle_lost
from tests.furniture.people import Actors
from tests.previews.conftest import Ready
from tests.previews.stories import SESSIONS, create, fetch, open_revision, upload, visit, zip_of

RunJobs = Callable[[], int]
SECOND = {"index.html": b"<h1>Hello again</h1>"}
THIRD = {"index.html": b"<h1>Third</h1>"}


def stored(media: Path) -> list[str]:
    return sorted(path.name for path in media.rglob("*") if path.is_file())


def session_of(made: dict[str, Any]) -> Session:
    return Session.objects.get(pk=made["id"])


def standing(made: dict[str, Any]) -> tuple[str, str | None, int]:
    """Return what a session has, and how far its next upload has come."""
    session = session_of(made)
    return session.status, session.next_status, session.revision


def seen(made: dict[str, Any]) -> tuple[str, int, bytes]:
    """Return what a device gets that comes now."""
    found = visit("resolve", made["token"]).json()
    grant = visit("grants", made["token"]).json()
    content = fetch(grant["url"]).getvalue()
    assert (grant["sha256"], found["bundle"]["size_bytes"]) == (found["bundle"]["sha256"], len(content))
    return found["status"], found["revision"], content


def expire(made: dict[str, Any]) -> None:
    Session.objects.filter(pk=made["id"]).update(expires_at=timezone.now() - timedelta(seconds=60))


def test_devices_get_the_old_bundle_until_the_new_one_is_ready(
    actors: Actors, ready: Ready, run_jobs: RunJobs
) -> None:
    """Edge case 14."""
    made, first, second = ready(), zip_of(), zip_of(SECOND)
    grant = visit("grants", made["token"]).json()
    begun, unused = fetch(grant["url"]), visit("grants", made["token"]).json()
    opened = open_revision(actors.analyst, made["id"])
    assert (opened.status_code, opened.json()["status"], opened.json()["next_status"]) == (
        200, "ready", "pending",
    )  # fmt: skip
    assert seen(made) == ("ready", 1, first)
    sent = upload(actors.analyst, made["id"], second)
    assert (sent.status_code, sent.json()["status"], sent.json()["next_status"]) == (
        202, "ready", "validating",
    )  # fmt: skip
    assert seen(made) == ("ready", 1, first)
    run_jobs()
    assert seen(made) == ("ready", 2, second)
    # Who had a grant of the old bytes gets them to the end, also in pieces.
    assert begun.getvalue() == first
    assert fetch(unused["url"]).getvalue() == first
    rest = fetch(grant["url"], Range="bytes=5-", **{"If-Range": f'"{grant["sha256"]}"'})
    assert (rest.status_code, rest.getvalue()) == (206, first[5:])
    assert session_of(made).uses == 1
    shown = actors.viewer.api.get(f"{SESSIONS}/{made['id']}").json()
    assert (shown["bundle"]["revision"], shown["next_status"]) == (2, None)


def test_an_open_revision_is_closed_by_its_bundle(actors: Actors, ready: Ready, run_jobs: RunJobs) -> None:
    made = ready()
    for number, files in ((2, SECOND), (3, THIRD)):
        refused = upload(actors.analyst, made["id"], zip_of(files))
        assert (refused.status_code, refused.json()["code"]) == (409, "previews.already_ready")
        open_revision(actors.analyst, made["id"])
        assert upload(actors.analyst, made["id"], zip_of(files)).status_code == 202
        run_jobs()
        assert seen(made) == ("ready", number, zip_of(files))


def test_opening_twice_is_harmless_until_an_upload_is_under_way(
    actors: Actors, ready: Ready, run_jobs: RunJobs
) -> None:
    made = ready()
    answers = [open_revision(person, made["id"]) for person in (actors.analyst, actors.admin)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert AuditEntry.objects.get(verb="previews.revision_opened").target_id == made["id"]
    upload(actors.analyst, made["id"], zip_of(SECOND))
    for answer in (
        open_revision(actors.analyst, made["id"]),
        upload(actors.analyst, made["id"], zip_of(THIRD)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "previews.upload_in_progress")
    run_jobs()
    assert standing(made) == ("ready", None, 2)


def test_only_what_is_ready_has_a_next_revision(actors: Actors, ready: Ready, run_jobs: RunJobs) -> None:
    first, over, revoked = create(actors.analyst), ready(), ready()
    expire(over)
    actors.analyst.api.post(f"{SESSIONS}/{revoked['id']}/revoke")
    for made in (first, over, revoked):
        answer = open_revision(actors.analyst, made["id"])
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict.state")
    upload(actors.analyst, first["id"], zip_of())
    assert open_revision(actors.analyst, first["id"]).json()["code"] == "conflict.state"
    run_jobs()
    assert open_revision(actors.analyst, first["id"]).status_code == 200


def test_a_key_opens_once(actors: Actors, ready: Ready, run_jobs: RunJobs) -> None:
    made = ready()
    first = open_revision(actors.analyst, made["id"], key="once")
    upload(actors.analyst, made["id"], zip_of(SECOND), key="twice")
    run_jobs()
    again = open_revision(actors.analyst, made["id"], key="once")
    assert (again["Idempotency-Replayed"], again.json()) == ("true", first.json())
    assert standing(made) == ("ready", None, 2)


def test_a_refused_revision_leaves_what_is_ready_and_may_be_tried_again(
    actors: Actors, ready: Ready, run_jobs: RunJobs, media: Path
) -> None:
    made = ready()
    open_revision(actors.analyst, made["id"])
    upload(actors.analyst, made["id"], b"no zip at all")
    run_jobs()
    shown = actors.analyst.api.get(f"{SESSIONS}/{made['id']}").json()
    assert (shown["last_error"]["code"], shown["next_status"]) == ("previews.bundle_unsafe", "pending")
    lie = upload(actors.analyst, made["id"], zip_of(SECOND), sha256="0" * 64)
    assert lie.json()["code"] == "previews.bundle_checksum_mismatch"
    assert (standing(made), session_of(made).failures) == (("ready", "pending", 1), 2)
    assert seen(made) == ("ready", 1, zip_of())
    assert len(stored(media)) == 1
    told = Notification.objects.filter(kind="previews.failed").order_by("created_at", "pk")
    assert [row.body.endswith("Devices still get revision 1.") for row in told] == [True, True]
    upload(actors.analyst, made["id"], zip_of(SECOND))
    run_jobs()
    assert seen(made) == ("ready", 3, zip_of(SECOND))
    assert session_of(made).last_error is None
    assert Notification.objects.filter(kind="previews.ready").count() == 2


def test_the_fifth_refusal_ends_a_session_that_was_ready(
    actors: Actors, ready: Ready, run_jobs: RunJobs, media: Path
) -> None:
    made = ready()
    open_revision(actors.analyst, made["id"])
    for left in (4, 3, 2, 1, 0):
        assert visit("resolve", made["token"]).status_code == 200
        assert upload(actors.analyst, made["id"], b"no zip").status_code == 202
        run_jobs()
        assert session_of(made).failures == 5 - left
    assert standing(made) == ("failed", None, 1)
    assert visit("resolve", made["token"]).status_code == 404
    assert upload(actors.analyst, made["id"], zip_of()).json()["code"] == "conflict.state"
    assert len(stored(media)) == 1
    last = Notification.objects.filter(kind="previews.failed").order_by("-created_at", "-pk")[0]
    assert "Devices still get" not in last.body


def test_of_two_uploads_at_once_one_goes_on_and_is_given_back_when_it_dies(
    actors: Actors, ready: Ready
) -> None:
    made = ready()
    open_revision(actors.analyst, made["id"])

    def second_upload() -> ReceivedBundle:
        assert standing(made) == ("ready", "uploading", 1)
        assert open_revision(actors.analyst, made["id"]).json()["code"] == "previews.upload_in_progress"
        with pytest.raises(Conflict) as refused:
            services.receive_bundle(
                actor=actors.analyst.actor, session=session_of(made), read=lambda: pytest.fail("read")
            )
        assert refused.value.code == "previews.upload_in_progress"
        raise KeyboardInterrupt  # the first sender's process is stopped

    with pytest.raises(KeyboardInterrupt):
        services.receive_bundle(actor=actors.analyst.actor, session=session_of(made), read=second_upload)
    assert standing(made) == ("ready", "pending", 1)


def test_a_revision_that_comes_too_late_is_thrown_away(
    actors: Actors, ready: Ready, run_jobs: RunJobs, media: Path
) -> None:
    """Edge case 3: once while it is sent, once while it is checked."""
    late, later = ready(), ready()
    open_revision(actors.analyst, late["id"])

    def ends_meanwhile() -> Any:
        expire(late)
        return StoredFile("b.zip", "previews/x", 1, "0" * 64)

    with pytest.raises(Conflict, match="ended before the upload did"):
        services.receive_bundle(
            actor=actors.analyst.actor, session=session_of(late),
            read=lambda: ReceivedBundle(ends_meanwhile(), "0" * 64),
        )  # fmt: skip
    open_revision(actors.analyst, later["id"])
    upload(actors.analyst, later["id"], zip_of(SECOND))
    expire(later)
    run_jobs()
    clean(now=timezone.now())
    for made in (late, later):
        assert standing(made) == ("expired", None, 1)
    assert Bundle.objects.get(session=later["id"], revision=2).status == "failed"
    assert len(stored(media)) == 2


def test_a_web_process_that_is_killed_leaves_what_is_ready_and_nothing_for_good(
    actors: Actors, ready: Ready, run_jobs: RunJobs, media: Path
) -> None:
    """Edge cases 11 and 21: between the object and the row, and in the middle of the upload."""
    made = ready()
    begun = timezone.now() - timedelta(minutes=3)
    killed: dict[str, Any] = {
        "next_status": "uploading", "upload_token": made["id"], "upload_begun_at": begun,
    }  # fmt: skip
    default_storage.save(f"{FOLDER}/{'a' * 32}", ContentFile(zip_of(SECOND)))
    Session.objects.filter(pk=made["id"]).update(**killed)
    assert seen(made) == ("ready", 1, zip_of())
    report = clean(now=timezone.now(), works=LIGHT)
    assert [(item.work.value, item.id) for item in report.items] == [("uploads", made["id"])]
    assert (standing(made), session_of(made).upload_token) == (("ready", "pending", 1), None)
    # Nor does whoever comes before the clock have to wait for it.
    Session.objects.filter(pk=made["id"]).update(**killed)
    assert open_revision(actors.analyst, made["id"]).status_code == 200
    assert upload(actors.analyst, made["id"], zip_of(SECOND)).status_code == 202
    run_jobs()
    assert seen(made) == ("ready", 2, zip_of(SECOND))
    assert len(stored(media)) == 3
    Session.objects.filter(pk=made["id"]).update(expires_at=timezone.now() + timedelta(days=3))
    clean(now=timezone.now() + timedelta(hours=25))
    assert len(stored(media)) == 2


def test_a_worker_that_is_lost_or_cancelled_leaves_the_revision_open(
    actors: Actors, ready: Ready, run_jobs: RunJobs, media: Path
) -> None:
    made = ready()
    open_revision(actors.analyst, made["id"])
    upload(actors.analyst, made["id"], zip_of(SECOND))
    Bundle.objects.filter(session=made["id"], revision=2).update(
        status="failed", error_code="job.worker_lost"
    )
    assert (settle_lost(), settle_lost()) == (1, 0)
    assert (standing(made), session_of(made).failures) == (("ready", "pending", 1), 1)
    upload(actors.analyst, made["id"], zip_of(SECOND))
    third = Bundle.objects.get(session=made["id"], revision=3)
    assert actors.manager.api.post(f"/api/v1/jobs/{third.pk}/cancel").status_code == 202
    settle_lost()
    assert (standing(made), session_of(made).failures) == (("ready", "pending", 1), 1)
    assert len(stored(media)) == 1
    assert seen(made) == ("ready", 1, zip_of())


def test_a_retried_job_does_not_take_the_place_of_a_later_bundle(
    actors: Actors, ready: Ready, run_jobs: RunJobs
) -> None:
    made = ready()
    open_revision(actors.analyst, made["id"])
    upload(actors.analyst, made["id"], zip_of(SECOND))
    old = Bundle.objects.get(session=made["id"], revision=2)
    key = old.storage_key
    Bundle.objects.filter(pk=old.pk).update(status="failed", error_code="job.timeout")
    settle_lost()
    upload(actors.analyst, made["id"], zip_of(THIRD))
    # Its bytes could not be deleted, and somebody tries it again before the clock does.
    default_storage.save(key, ContentFile(zip_of(SECOND)))
    Bundle.objects.filter(pk=old.pk).update(storage_key=key)
    old.refresh_from_db()
    retry(find_kind("previews.validate_bundle"), old)
    Bundle.objects.filter(pk=old.pk).update(queued_at=timezone.now() - timedelta(hours=1))
    run_jobs()
    assert seen(made) == ("ready", 3, zip_of(THIRD))


def test_what_ends_in_the_middle_is_purged_whole(
    actors: Actors, ready: Ready, run_jobs: RunJobs, media: Path
) -> None:
    made = ready()
    for files in (SECOND, THIRD):
        open_revision(actors.analyst, made["id"])
        upload(actors.analyst, made["id"], zip_of(files))
        if files is SECOND:
            run_jobs()
    assert len(stored(media)) == 3
    actors.analyst.api.post(f"{SESSIONS}/{made['id']}/revoke")
    assert standing(made) == ("revoked", None, 2)
    run_jobs()
    assert len(stored(media)) == 2
    ended = session_of(made).ended_at
    assert ended is not None
    clean(now=ended + timedelta(minutes=31))
    clean(now=ended + timedelta(hours=25))
    receipt = session_of(made).receipt
    assert receipt is not None
    kept = [zip_of(), zip_of(SECOND)]
    assert (receipt["objects"], receipt["bytes"]) == (2, sum(map(len, kept)))
    assert receipt["sha256s"] == [row.sha256 for row in Bundle.objects.order_by("revision")[:2]]
    assert stored(media) == []


def test_a_development_server_and_a_bundle_take_each_others_place(
    actors: Actors, ready: Ready, run_jobs: RunJobs, settings: Settings
) -> None:
    settings.PREVIEWS_DEV_URLS = True
    made = ready()
    address = f"{SESSIONS}/{made['id']}/bundle"
    body = {"dev_server_url": "https://dev.example.com/"}
    assert actors.analyst.api.post(address, body, format="json").json()["code"] == "previews.already_ready"
    grant = visit("grants", made["token"]).json()
    open_revision(actors.analyst, made["id"])
    named = actors.analyst.api.post(address, body, format="json")
    assert (named.status_code, named.json()["revision"], named.json()["bundle"]) == (200, 2, None)
    assert named.json()["next_status"] is None
    assert visit("resolve", made["token"]).json()["dev_server_url"] == "https://dev.example.com/"
    assert fetch(grant["url"]).getvalue() == zip_of()
    open_revision(actors.analyst, made["id"])
    upload(actors.analyst, made["id"], zip_of(SECOND))
    assert visit("resolve", made["token"]).json()["dev_server_url"] == "https://dev.example.com/"
    run_jobs()
    assert visit("resolve", made["token"]).json()["dev_server_url"] is None
    assert seen(made) == ("ready", 3, zip_of(SECOND))


def test_lists_and_pages_say_that_a_revision_is_under_way(actors: Actors, ready: Ready) -> None:
    made = ready()
    path = f"/previews/{made['id']}/"

    def page(person: Any = actors.analyst) -> str:
        return " ".join(person.browser.get(path).content.decode().split())

    assert 'data-act="revisions"' in page()
    assert 'data-act="revisions"' not in page(actors.viewer)
    open_revision(actors.analyst, made["id"])
    assert "Upload revision 2. Devices still get revision 1." in page()
    assert 'data-act="revisions"' not in page()
    upload(actors.analyst, made["id"], zip_of(SECOND))
    assert "Revision 2 is being checked. Devices still get revision 1." in page(actors.viewer)
    assert list_previews(actors.viewer.actor, PreviewsWanted()).previews[0].next_status == "validating"
    expire(made)
    assert "Devices still get" not in page()
    assert actors.viewer.api.get(f"{SESSIONS}/{made['id']}").json()["next_status"] is None
    assert list_previews(actors.viewer.actor, PreviewsWanted()).previews[0].next_status is None
