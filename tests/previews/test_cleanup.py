"""Clean-up by a frozen clock: each stage at its time and once, whatever dies in between."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings
from pytest_django.fixtures import Settings

from apps.previews import periodic, services
from apps.previews.cleaning.planning import EVERYTHING, LIGHT, Work
from apps.previews.cleaning.running import Report, clean
from apps.previews.models import AccessEntry, Bundle, CleanupEvent, CleanupRun, Session, Token
from apps.previews.storing import FOLDER
from apps.projects.models import Project
from tests.furniture.clock import NOON
from tests.furniture.people import Actors
from tests.previews.conftest import Ready
from tests.previews.stories import SESSIONS, create, zip_of

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def stored(media: Path) -> list[str]:
    return sorted(path.name for path in media.rglob("*") if path.is_file())


def stages_of(made: dict[str, Any]) -> list[str]:
    return list(
        CleanupEvent.objects.filter(session=made["id"]).order_by("at", "pk").values_list("stage", flat=True)
    )


def session_of(made: dict[str, Any]) -> Session:
    return Session.objects.get(pk=made["id"])


def listed(report: Report) -> list[tuple[str, str]]:
    return [(item.work.value, item.id) for item in report.items]


def end(made: dict[str, Any], at: datetime) -> None:
    """Let a session expire at an instant."""
    Session.objects.filter(pk=made["id"]).update(expires_at=at)


def test_a_session_goes_through_its_stages_at_their_times(ready: Ready, media: Path) -> None:
    made = ready()
    end(made, NOON)
    for offset, status, stages in (
        (-MINUTE, "ready", 0),
        (0 * MINUTE, "expired", 1),
        (29 * MINUTE, "expired", 1),
        (30 * MINUTE, "soft_deleted", 2),
        (24 * HOUR - MINUTE, "soft_deleted", 2),
        (24 * HOUR, "purged", 3),
        (25 * HOUR, "purged", 3),
    ):
        clean(now=NOON + offset)
        assert (session_of(made).status, len(stages_of(made))) == (status, stages), offset
        assert bool(stored(media)) is (status != "purged")
    assert stages_of(made) == ["expired", "soft_deleted", "purged"]
    receipt = session_of(made).receipt
    assert receipt is not None
    assert (receipt["objects"], receipt["bytes"]) == (1, len(zip_of()))
    assert receipt["sha256s"] == [Bundle.objects.get().sha256]
    assert not Token.objects.filter(session=made["id"]).exists()


def test_a_revoked_session_goes_the_same_way(actors: Actors, ready: Ready, media: Path) -> None:
    made = ready()
    actors.analyst.api.post(f"{SESSIONS}/{made['id']}/revoke")
    ended = session_of(made).ended_at
    assert ended is not None
    assert stages_of(made) == ["expired"]
    clean(now=ended + 31 * MINUTE)
    clean(now=ended + 25 * HOUR)
    assert stages_of(made) == ["expired", "soft_deleted", "purged"]
    assert stored(media) == []


def test_a_dry_run_lists_exactly_what_a_run_does(ready: Ready, media: Path) -> None:
    overdue, due, live = ready(), ready(), ready()
    end(overdue, NOON - 30 * HOUR)
    clean(now=NOON - 29 * HOUR)
    end(due, NOON)
    end(live, NOON + HOUR)
    orphan = default_storage.save(f"{FOLDER}/{'a' * 32}", _file(b"left"))
    os.utime(media / orphan, (NOON.timestamp(), NOON.timestamp()))
    AccessEntry.objects.create(
        organization=session_of(live).organization, session=session_of(live), at=NOON - 40 * 24 * HOUR,
        kind="resolve",
    )  # fmt: skip
    for now in (NOON, NOON + HOUR, NOON + 25 * HOUR, NOON + 50 * HOUR):
        before = (stored(media), list(Session.objects.order_by("pk").values()))
        dry = clean(now=now, dry_run=True, is_recorded=False)
        assert (stored(media), list(Session.objects.order_by("pk").values())) == before
        real = clean(now=now)
        assert listed(dry) == listed(real)
        assert dry.by_work() == real.by_work()
        assert listed(real)
    assert stored(media) == []
    assert {row.status for row in Session.objects.all()} == {"purged"}


def _file(content: bytes) -> Any:
    from django.core.files.base import ContentFile

    return ContentFile(content)


def test_a_fresh_object_without_a_row_is_no_orphan(actors: Actors, media: Path) -> None:
    """Edge case 12."""
    name = default_storage.save(f"{FOLDER}/{'b' * 32}", _file(b"its row comes"))
    elsewhere = default_storage.save("uploads/other", _file(b"not a preview"))
    for path in (name, elsewhere):
        os.utime(media / path, (NOON.timestamp(), NOON.timestamp()))
    clean(now=NOON + 23 * HOUR)
    assert default_storage.exists(name)
    clean(now=NOON + 25 * HOUR)
    assert not default_storage.exists(name)
    assert default_storage.exists(elsewhere)


def test_an_object_that_goes_while_it_is_listed_does_not_end_the_cycle(actors: Actors, media: Path) -> None:
    orphan = default_storage.save(f"{FOLDER}/{'c' * 32}", _file(b"nobody's"))
    os.utime(media / orphan, (NOON.timestamp(), NOON.timestamp()))
    # A name with nothing behind it, as the list has one of what was deleted since.
    (media / FOLDER / "b").symlink_to(media / "gone")
    assert listed(clean(now=NOON + 25 * HOUR)) == [("orphans", orphan)]


class Dying(FileSystemStorage):
    """A storage whose process is killed right after it has deleted something."""

    def delete(self, name: str | None) -> None:
        super().delete(name)  # type: ignore[arg-type]
        raise KeyboardInterrupt


def test_a_death_between_object_and_row_leaves_one_receipt(
    ready: Ready, settings: Settings, media: Path
) -> None:
    """Edge case 11."""
    made = ready()
    end(made, NOON)
    clean(now=NOON)
    clean(now=NOON + HOUR)
    storages = {
        **settings.STORAGES,
        "default": {"BACKEND": f"{__name__}.Dying", "OPTIONS": {"location": media}},
    }
    with override_settings(STORAGES=storages), pytest.raises(KeyboardInterrupt):
        clean(now=NOON + 25 * HOUR)
    assert (session_of(made).status, stored(media)) == ("soft_deleted", [])
    report = clean(now=NOON + 26 * HOUR)
    assert (listed(report), report.failed) == ([("purged", made["id"])], ())
    receipt = session_of(made).receipt
    assert receipt is not None
    assert (receipt["objects"], receipt["bytes"]) == (1, len(zip_of()))
    assert stages_of(made) == ["expired", "soft_deleted", "purged"]
    assert listed(clean(now=NOON + 27 * HOUR)) == []


class Broken(FileSystemStorage):
    """A storage that cannot delete one object."""

    stuck = ""

    def delete(self, name: str | None) -> None:
        if name == self.stuck:
            raise OSError("read-only")
        super().delete(name)  # type: ignore[arg-type]


def test_one_failure_does_not_end_the_cycle(
    ready: Ready, settings: Settings, media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stuck, other = ready(), ready()
    for made in (stuck, other):
        end(made, NOON)
    for hours in (0, 1):
        clean(now=NOON + hours * HOUR)
    Broken.stuck = Bundle.objects.get(session=stuck["id"]).storage_key
    storages = {
        **settings.STORAGES,
        "default": {"BACKEND": f"{__name__}.Broken", "OPTIONS": {"location": media}},
    }
    with (
        override_settings(STORAGES=storages),
        time_machine.travel(NOON + 25 * HOUR, tick=False),
        pytest.raises(SystemExit) as ended,
    ):
        call_command("cleanup_previews", "--json")
    assert ended.value.code == 1
    report = json.loads(capsys.readouterr().out)
    assert report["failed"] == [stuck["id"]]
    assert report["stages"]["purged"]["ids"] == [other["id"]]
    assert (session_of(stuck).status, session_of(other).status) == ("soft_deleted", "purged")
    clean(now=NOON + 26 * HOUR)
    assert session_of(stuck).status == "purged"


def test_the_command_lists_one_stage_with_ids_and_bytes(
    ready: Ready, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = ready(), ready()
    for made in (one, two):
        end(made, NOON)
    with time_machine.travel(NOON, tick=False):
        call_command("cleanup_previews", "--dry-run", "--stage", "expired", "--limit", "1", "--json")
        report = json.loads(capsys.readouterr().out)
        assert (report["dry_run"], report["stages"]["expired"]["count"]) == (True, 1)
        assert session_of(one).status == "ready"
        call_command("cleanup_previews")
    assert "expired: 2" in capsys.readouterr().out
    assert session_of(one).status == session_of(two).status == "expired"
    with pytest.raises(CommandError, match="--limit: -1 is less than 0"):
        call_command("cleanup_previews", "--limit", "-1")


def test_the_clocks_obey_their_switches(actors: Actors, settings: Settings) -> None:
    made = create(actors.analyst)
    end(made, NOON)
    with time_machine.travel(NOON + MINUTE, tick=False) as clock:
        settings.PREVIEWS_DRY_RUN = True
        periodic.expire()
        periodic.cleanup_light()
        assert (session_of(made).status, CleanupRun.objects.get().dry_run) == ("pending", True)
        settings.PREVIEWS_DRY_RUN = False
        periodic.expire()
        periodic.expire()
        assert stages_of(made) == ["expired"]
        settings.PREVIEWS_CLEANUP = False
        clock.shift(HOUR)
        periodic.cleanup_light()
        assert session_of(made).status == "expired"
        settings.PREVIEWS_CLEANUP = True
        periodic.cleanup_light()
        assert session_of(made).status == "soft_deleted"
        clock.shift(timedelta(days=1))
        periodic.cleanup_deep()
        assert session_of(made).status == "purged"


def test_an_abandoned_upload_is_released(actors: Actors) -> None:
    made = create(actors.analyst)
    end(made, NOON + HOUR)
    Session.objects.filter(pk=made["id"]).update(
        status="uploading", upload_begun_at=NOON, upload_token=made["id"]
    )
    assert listed(clean(now=NOON + MINUTE, works=LIGHT)) == []
    assert listed(clean(now=NOON + 3 * MINUTE, works=LIGHT)) == [("uploads", made["id"])]
    assert session_of(made).status == "pending"


def test_log_rows_go_after_a_month_and_receipts_after_a_year(ready: Ready) -> None:
    made = ready()
    end(made, NOON)
    for offset in (0 * HOUR, HOUR, 25 * HOUR):
        clean(now=NOON + offset)
    AccessEntry.objects.create(
        organization=session_of(made).organization, session=session_of(made), at=NOON, kind="resolve"
    )
    clean(now=NOON + timedelta(days=29), works=[Work.LOG])
    assert AccessEntry.objects.count() == 1
    clean(now=NOON + timedelta(days=31), works=[Work.LOG])
    assert (AccessEntry.objects.count(), Session.objects.count()) == (0, 1)
    clean(now=NOON + timedelta(days=370), works=EVERYTHING)
    assert not Session.objects.exists()


def test_a_deleted_project_waits_for_the_stages_of_its_previews(actors: Actors, ready: Ready) -> None:
    """Edge case 18."""
    made = ready()
    project = Project.objects.get(pk=made["project_id"])
    Project.objects.filter(pk=project.pk).update(deleted_at=NOON)
    end(made, NOON)
    for offset in (0 * HOUR, HOUR):
        clean(now=NOON + offset)
        assert session_of(made).project_id == project.pk
    clean(now=NOON + 25 * HOUR)
    assert session_of(made).project_id is None
    project.delete()
    assert session_of(made).receipt is not None


def test_an_organization_goes_with_its_objects(actors: Actors, ready: Ready, media: Path) -> None:
    from apps.previews.pruning import purge_previews

    ready()
    assert stored(media)
    purge_previews(actors.organization.pk)
    purge_previews(actors.organization.pk)
    assert (stored(media), Session.objects.exists()) == ([], False)


def test_a_running_clean_up_keeps_a_second_one_out(transactional_db: None) -> None:
    from django.db import connections

    from apps.common.locks import lock_key
    from apps.previews.cleaning.running import LOCK

    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [lock_key(LOCK)])
            assert clean(now=NOON).is_skipped
            # A connection that closes gives its locks back only when the server notices.
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock_key(LOCK)])
    finally:
        other.close()
    assert not clean(now=NOON).is_skipped


def test_an_operator_purges_at_once(actors: Actors, ready: Ready, media: Path) -> None:
    made = ready()
    services.purge_session(actor=actors.admin.actor, session=session_of(made))
    assert stages_of(made) == ["expired", "soft_deleted", "purged"]
    assert (session_of(made).status, stored(media)) == ("purged", [])
