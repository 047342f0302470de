"""Folders of mirrors that somebody took away, or put an older copy into: syncs notice, and clone anew."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

from apps.projects.git.layout import mirror_folder, published_repository
from apps.projects.git.processes import run_git
from apps.projects.mirroring.due import choose_due
from apps.projects.mirroring.generations import sweep
from apps.projects.mirroring.verifying import look, record
from apps.projects.models import Ref
from apps.projects.services.verification import verify_mirror
from tests.projects.mirroring.conftest import Linked
from tests.projects.repositories import Repository


def commands_exit_code() -> int:
    """Return how `verify_mirrors` over all mirrors ends."""
    with pytest.raises(SystemExit) as end:
        call_command("verify_mirrors")
    return int(str(end.value.code))


def replace_folder(linked: Linked, copy: Path) -> None:
    """Put a copy in the place of all of a mirror's generations."""
    shutil.rmtree(mirror_folder(linked.mirror.pk))
    shutil.copytree(copy, mirror_folder(linked.mirror.pk))


def be_healed(linked: Linked) -> None:
    """See that the clock's next two runs find the loss and clone anew, and that all is sound then."""
    found = linked.sync()
    assert (found.kind, found.status, found.error_code) == ("fetch", "failed", "projects.repo_corrupt")
    assert linked.mirror.state == "corrupt"
    assert [mirror.pk for mirror in choose_due()] == [linked.mirror.pk]
    healed = linked.sync()
    assert (healed.kind, healed.status, linked.mirror.state) == ("reclone", "succeeded", "active")
    assert commands_exit_code() == 0


def test_a_folder_that_is_gone_is_noticed_without_news_and_cloned_anew(
    linked: Linked, remote: Repository
) -> None:
    head = remote.commit({"a": "1"})
    linked.link()
    shutil.rmtree(mirror_folder(linked.mirror.pk))
    assert commands_exit_code() == 1
    be_healed_by_clone(linked)
    shutil.rmtree(mirror_folder(linked.mirror.pk))
    be_healed(linked)
    assert linked.mirror.head_commit == head


def be_healed_by_clone(linked: Linked) -> None:
    """See that what `verify_mirrors` found is due at once, and mended by the next run."""
    assert linked.mirror.state == "corrupt"
    assert [mirror.pk for mirror in choose_due()] == [linked.mirror.pk]
    assert (linked.sync().kind, linked.mirror.state) == ("reclone", "active")
    assert commands_exit_code() == 0


def test_syncs_while_the_folder_is_away_and_after_an_old_one_came_back_end_sound(
    linked: Linked, remote: Repository, tmp_path: Path
) -> None:
    remote.commit({"a": "1"})
    linked.link()
    shutil.move(mirror_folder(linked.mirror.pk), tmp_path / "away")
    be_healed(linked)
    # That was a clone of today; the one that is needed now is not put off until tomorrow.
    replace_folder(linked, tmp_path / "away")
    be_healed(linked)


@pytest.mark.parametrize("packs", [False, True])
def test_an_older_copy_of_the_same_head_is_no_copy_of_what_readers_see(
    linked: Linked, remote: Repository, tmp_path: Path, packs: bool
) -> None:
    remote.commit({"a": "1"})
    linked.link()
    shutil.copytree(mirror_folder(linked.mirror.pk), tmp_path / "old")
    remote.git("branch", "topic")
    assert linked.sync().outcome == "changed"
    if packs:
        run_git(published_repository(linked.mirror), "pack-refs", "--all")
    assert linked.sync().outcome == "unchanged"
    replace_folder(linked, tmp_path / "old")
    assert commands_exit_code() == 1
    be_healed_by_clone(linked)
    assert Ref.objects.filter(project=linked.project, name="heads/topic").exists()


def test_rows_of_refs_that_the_repository_denies_are_mended_without_news(
    linked: Linked, remote: Repository
) -> None:
    remote.commit({"a": "1"})
    linked.link()
    Ref.objects.update(commit="0" * 40)
    linked.verify()
    be_healed_by_clone(linked)


@pytest.mark.parametrize("looked", [verify_mirror, lambda mirror: record(mirror, look(mirror))])
def test_what_was_published_while_others_were_looked_at_is_no_damage(
    linked: Linked, remote: Repository, looked: Callable[[object], object]
) -> None:
    remote.commit({"a": "1"})
    linked.link()
    before = linked.mirror
    remote.commit({"b": "1"})
    linked.sync()
    sweep(linked.mirror)
    assert not looked(before)
    assert linked.mirror.state == "active"
