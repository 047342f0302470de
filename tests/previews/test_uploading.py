"""Uploads: from the form to a bundle that is ready; every way in which that fails leaves nothing behind."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.common.errors import Conflict
from apps.common.quotas import merged
from apps.common.request_limits import body_limit
from apps.previews import services
from apps.previews.models import Bundle, Session
from apps.previews.services import ReceivedBundle
from apps.previews.states import SessionStatus
from apps.previews.validating.settling import settle_lost
from tests.furniture.people import Actors
from tests.previews.stories import SESSIONS, create, upload, zip_of

RunJobs = Callable[[], int]


def stored(media: Path) -> list[str]:
    """Return the names of all files in the storage."""
    return sorted(path.name for path in media.rglob("*") if path.is_file())


def session_of(made: dict[str, str]) -> Session:
    return Session.objects.get(pk=made["id"])


def test_a_good_bundle_makes_the_session_ready(actors: Actors, run_jobs: RunJobs) -> None:
    made, content = create(actors.analyst), zip_of()
    assert upload(actors.analyst, made["id"], content).status_code == 202
    run_jobs()
    shown = actors.analyst.api.get(f"{SESSIONS}/{made['id']}").json()
    assert (shown["status"], shown["revision"], shown["last_error"]) == ("ready", 1, None)
    assert shown["bundle"] == {
        "revision": 1,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "entries": 2,
        "entry": "index.html",
    }


def test_a_bundle_that_lies_about_hash_or_size_is_thrown_away(actors: Actors, media: Path) -> None:
    made, content = create(actors.analyst), zip_of()
    for lie in ({"sha256": "0" * 64}, {"size_bytes": str(len(content) + 1)}):
        answer = upload(actors.analyst, made["id"], content, **lie)
        assert (answer.status_code, answer.json()["code"]) == (422, "previews.bundle_checksum_mismatch")
        assert stored(media) == []
    session = session_of(made)
    assert (session.status, session.failures, session.error_code) == (
        "pending", 2, "previews.bundle_checksum_mismatch",
    )  # fmt: skip


def test_a_refused_bundle_lets_the_session_wait_for_a_better_one(
    actors: Actors, run_jobs: RunJobs, media: Path
) -> None:
    made = create(actors.analyst)
    upload(actors.analyst, made["id"], b"no zip at all")
    run_jobs()
    shown = actors.analyst.api.get(f"{SESSIONS}/{made['id']}").json()
    assert (shown["status"], shown["last_error"]["code"]) == ("pending", "previews.bundle_unsafe")
    assert stored(media) == []
    upload(actors.analyst, made["id"], zip_of({"app.js": b"1"}))
    run_jobs()
    assert session_of(made).error_code == "previews.bundle_incomplete"
    upload(actors.analyst, made["id"], zip_of())
    run_jobs()
    assert (session_of(made).status, session_of(made).revision) == ("ready", 3)


def test_the_fifth_refused_bundle_ends_the_session(actors: Actors, run_jobs: RunJobs, media: Path) -> None:
    made = create(actors.analyst)
    for _ in range(5):
        assert upload(actors.analyst, made["id"], b"no zip").status_code == 202
        run_jobs()
    session = session_of(made)
    assert (session.status, session.failures) == ("failed", 5)
    assert upload(actors.analyst, made["id"], zip_of()).status_code == 409
    assert stored(media) == []


def test_a_bundle_over_the_cap_is_refused_while_it_is_read(
    actors: Actors, settings: Settings, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.previews.api.sessions import PreviewSessionViewSet

    monkeypatch.setattr(PreviewSessionViewSet, "upload_max_bytes", 1_000)
    made = create(actors.analyst)
    answer = upload(actors.analyst, made["id"], bytes(1_001))
    assert (answer.status_code, answer.json()["code"]) == (413, "previews.bundle_too_large")
    assert stored(media) == []
    assert session_of(made).status == "pending"


def test_a_bundle_far_over_the_cap_is_called_the_same_by_what_counts_bodies() -> None:
    limit = body_limit(f"{SESSIONS}/{uuid.uuid4()}/bundle")
    assert limit.refusal.code == "previews.bundle_too_large"


def test_a_form_of_something_else_is_refused(actors: Actors, media: Path) -> None:
    made = create(actors.analyst)
    address, file = f"{SESSIONS}/{made['id']}/bundle", SimpleUploadedFile("b.zip", zip_of())
    forms = [
        {"sha256": "0" * 64},
        {"bundle_file": file},
        {"bundle_file": file, "sha256": "short"},
        {"bundle_file": file, "sha256": "0" * 64, "other": "1"},
        {"file": file, "sha256": "0" * 64},
        {"bundle_file": [file, file], "sha256": "0" * 64},
    ]
    for form in forms:
        file.seek(0)
        answer = actors.analyst.api.post(address, form, format="multipart")
        assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid"), form
    assert (session_of(made).status, stored(media)) == ("pending", [])


def test_what_is_ready_or_being_validated_takes_no_second_bundle(
    actors: Actors, run_jobs: RunJobs, media: Path
) -> None:
    made = create(actors.analyst)
    upload(actors.analyst, made["id"], zip_of())
    second = upload(actors.analyst, made["id"], zip_of())
    assert (second.status_code, second.json()["code"]) == (409, "previews.upload_in_progress")
    run_jobs()
    third = upload(actors.analyst, made["id"], zip_of())
    assert (third.status_code, third.json()["code"]) == (409, "previews.already_ready")
    assert len(stored(media)) == 1


def test_of_two_uploads_at_once_one_goes_on(actors: Actors) -> None:
    made = create(actors.analyst)
    session = session_of(made)

    def second_upload() -> ReceivedBundle:
        with pytest.raises(Conflict) as refused:
            services.receive_bundle(
                actor=actors.analyst.actor, session=session_of(made), read=lambda: pytest.fail("read")
            )
        assert refused.value.code == "previews.upload_in_progress"
        raise KeyboardInterrupt  # the first sender's process is stopped

    with pytest.raises(KeyboardInterrupt):
        services.receive_bundle(actor=actors.analyst.actor, session=session, read=second_upload)
    assert session_of(made).status == "pending"


def test_an_upload_that_ends_after_expiry_is_thrown_away(
    actors: Actors, run_jobs: RunJobs, media: Path
) -> None:
    made = create(actors.analyst)
    upload(actors.analyst, made["id"], zip_of())
    Session.objects.filter(pk=made["id"]).update(expires_at=timezone.now() - timedelta(seconds=60))
    run_jobs()
    assert Bundle.objects.get(session=made["id"]).status == "failed"
    assert stored(media) == []
    late = upload(actors.analyst, made["id"], zip_of())
    assert (late.status_code, stored(media)) == (409, [])


def test_a_killed_upload_does_not_block_the_next_one_for_long(actors: Actors, run_jobs: RunJobs) -> None:
    made = create(actors.analyst)
    begun = timezone.now() - timedelta(minutes=3)
    Session.objects.filter(pk=made["id"]).update(
        status=SessionStatus.UPLOADING, upload_token=made["id"], upload_begun_at=begun
    )
    assert upload(actors.analyst, made["id"], zip_of()).status_code == 202
    run_jobs()
    assert session_of(made).status == "ready"


def test_a_worker_that_dies_after_the_refusal_leaves_nothing_for_good(
    actors: Actors, run_jobs: RunJobs, media: Path
) -> None:
    made = create(actors.analyst)
    upload(actors.analyst, made["id"], zip_of())
    bundle = Bundle.objects.get(session=made["id"])
    Bundle.objects.filter(pk=bundle.pk).update(status="failed", error_code="job.worker_lost")
    assert settle_lost() == 1
    assert (session_of(made).status, session_of(made).failures, stored(media)) == ("pending", 1, [])
    assert settle_lost() == 0
    assert session_of(made).failures == 1


def test_a_cancelled_validation_is_no_refusal(actors: Actors, media: Path) -> None:
    made = create(actors.analyst)
    upload(actors.analyst, made["id"], zip_of())
    bundle = Bundle.objects.get(session=made["id"])
    assert actors.manager.api.post(f"/api/v1/jobs/{bundle.pk}/cancel").status_code == 202
    settle_lost()
    assert (session_of(made).status, session_of(made).failures, stored(media)) == ("pending", 0, [])


def test_an_upload_with_a_key_has_one_effect(actors: Actors, run_jobs: RunJobs, media: Path) -> None:
    made = create(actors.analyst)
    address, headers = f"{SESSIONS}/{made['id']}/bundle", {"Idempotency-Key": "once"}
    content = zip_of()
    answers = []
    for _ in range(2):
        form = {
            "bundle_file": SimpleUploadedFile("b.zip", content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        answers.append(actors.analyst.api.post(address, form, format="multipart", headers=headers))
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[1]["Idempotency-Replayed"] == "true"
    assert (Bundle.objects.count(), len(stored(media))) == (1, 1)
    run_jobs()
    assert session_of(made).status == "ready"


def test_a_lie_that_comes_with_a_key_counts_too(actors: Actors, media: Path) -> None:
    made, content = create(actors.analyst), zip_of()
    for number in range(5):
        answer = upload(actors.analyst, made["id"], content, sha256="0" * 64, key=f"key-{number}")
        assert (answer.status_code, answer.json()["code"]) == (422, "previews.bundle_checksum_mismatch")
        assert session_of(made).failures == number + 1
    assert (session_of(made).status, stored(media)) == ("failed", [])


def test_a_project_takes_only_so_many_uploads_an_hour(actors: Actors, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"preview_upload": "2/h"})
    made = create(actors.analyst)
    for expected in (202, 409, 429):
        assert upload(actors.analyst, made["id"], zip_of()).status_code == expected
