"""A mirror follows its remote."""

from pytest_django.fixtures import Settings

from apps.projects.git.layout import generation_folder, mirror_folder, published_repository
from apps.projects.git.processes import run_git
from apps.projects.mirroring.generations import sweep
from apps.projects.models import ArchivedTip, File, Manifest, Mirror, Project, Ref
from apps.projects.reading.refs import resolve
from tests.projects.mirroring.conftest import Linked
from tests.projects.mirroring.remotes import held_until_two_come
from tests.projects.repositories import Repository


def add_tag(remote: Repository, name: str, target: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    remote.git(*who, "tag", "-a", "-m", name, name, target)


def test_a_first_clone_publishes_branches_tags_and_files(linked: Linked, remote: Repository) -> None:
    first = remote.commit({"a.py": "x = 1\n", "b/c.txt": "text\n"})
    add_tag(remote, "v1", first)
    second = remote.commit({"a.py": "x = 2\n"})
    remote.commit({"z": "z"}, branch="other")
    run = linked.link()
    mirror = linked.mirror
    assert (run.status, run.error_code, run.outcome) == ("succeeded", "", "changed")
    assert (mirror.state, mirror.head_ref, mirror.head_commit) == ("active", "heads/main", second)
    refs = {ref.name: ref.commit for ref in Ref.objects.filter(project=linked.project)}
    assert refs == {"heads/main": second, "heads/other": remote.tip("other"), "tags/v1": first}
    assert {bytes(file.path) for file in File.objects.filter(project=linked.project)} == {
        b"a.py",
        b"b",
        b"b/c.txt",
    }
    assert Manifest.objects.get(project=linked.project).commit == second
    assert run_git(published_repository(mirror), "fsck", "--connectivity-only") == b""


def published(linked: Linked) -> dict[str, str]:
    return {ref.name: ref.commit for ref in Ref.objects.filter(project=linked.project)}


def test_a_first_clone_asks_what_there_is_while_it_fetches(
    linked: Linked, remote: Repository, daemon_port: int, settings: Settings
) -> None:
    head = remote.commit({"a": "1"})
    with held_until_two_come(daemon_port) as port:
        settings.PROJECTS_TEST_REMOTES = [f"127.0.0.1:{port}"]
        run = linked.link(f"git://127.0.0.1:{port}/{remote.folder.name}")
    assert (run.status, run.outcome, run.commit_after) == ("succeeded", "changed", head)


def test_a_clone_of_what_may_not_be_mirrored_leaves_nothing(linked: Linked, remote: Repository) -> None:
    """Refused by what the remote says it has, while its objects come in."""
    remote.commit({"a": "1"})
    run = linked.link(tracked_ref="nowhere")
    assert (run.status, run.error_code) == ("failed", "projects.branch_missing")
    assert not list(mirror_folder(linked.mirror.pk).glob("*"))


def test_a_sync_without_news_asks_once_and_fetches_nothing(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    Mirror.objects.update(last_synced_at=None)
    before = linked.mirror
    run = linked.sync()
    assert (run.outcome, run.bytes_received, run.manifest_version) == ("unchanged", 0, None)
    after = linked.mirror
    assert (after.snapshot, after.last_changed_at) == (before.snapshot, before.last_changed_at)
    assert after.last_synced_at is not None


def test_new_commits_and_branches_follow(linked: Linked, remote: Repository) -> None:
    first = remote.commit({"a": "1"})
    linked.link()
    for number in range(30):
        remote.commit({f"f{number}": "x"})
    remote.git("branch", "feature", first)
    run = linked.sync()
    assert (run.outcome, run.commit_before, run.commit_after) == ("changed", first, remote.tip("main"))
    assert run.refs == {"added": 1, "updated": 1, "deleted": 0, "rewritten": 0}
    assert run.bytes_received > 0
    assert linked.mirror.file_count == 31


def test_a_force_push_keeps_the_old_tip(linked: Linked, remote: Repository) -> None:
    old = remote.commit({"a": "1"})
    linked.link()
    new = remote.commit({"b": "2"}, is_root=True)
    run = linked.sync()
    assert run.refs["rewritten"] == 1
    assert run.ref_changes == [{"ref": "heads/main", "old": old, "new": new, "forced": True}]
    tip = ArchivedTip.objects.get(project=linked.project)
    assert (tip.number, tip.ref, tip.commit, tip.reason) == (1, "heads/main", old, "rewritten")
    mirror = linked.mirror
    assert [(item["old"], item["new"]) for item in mirror.rewritten] == [(old, new)]
    assert resolve(linked.project, "archived/1").commit == old
    assert run_git(published_repository(mirror), "cat-file", "-t", "refs/sextant/archive/1") == b"commit\n"


def test_only_so_many_tips_of_a_ref_are_kept(linked: Linked, remote: Repository) -> None:
    Project.objects.update(settings={"history_tips": 2})
    remote.commit({"a": "0"})
    linked.link()
    for number in range(1, 5):
        remote.commit({"a": str(number)}, is_root=True)
        linked.sync()
    tips = ArchivedTip.objects.filter(project=linked.project).order_by("number")
    assert [tip.number for tip in tips] == [3, 4]
    kept = run_git(published_repository(linked.mirror), "for-each-ref", "--format=%(refname)", "refs/sextant")
    assert kept.decode().splitlines() == ["refs/sextant/archive/3", "refs/sextant/archive/4"]


def test_a_deleted_branch_leaves_its_tip(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    gone = remote.commit({"b": "2"}, branch="gone")
    linked.link()
    remote.git("update-ref", "-d", "refs/heads/gone")
    run = linked.sync()
    assert run.refs["deleted"] == 1
    assert published(linked) == {"heads/main": remote.tip("main")}
    assert ArchivedTip.objects.get().commit == gone


def test_a_branch_becomes_a_folder_of_branches(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    remote.git("branch", "feature", "main")
    remote.git("branch", "Case", "main")
    linked.link()
    remote.git("branch", "-D", "feature")
    remote.git("branch", "feature/x", "main")
    remote.git("branch", "case", "main")
    linked.sync()
    assert set(published(linked)) == {"heads/main", "heads/feature/x", "heads/Case", "heads/case"}


def test_the_tracked_branch_is_never_silently_replaced(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    head = remote.commit({"b": "2"}, branch="work")
    linked.link(tracked_ref="work")
    remote.git("update-ref", "-d", "refs/heads/work")
    run = linked.sync()
    mirror = linked.mirror
    assert (run.status, run.error_code, mirror.state) == (
        "failed",
        "projects.branch_missing",
        "branch_missing",
    )
    assert (mirror.head_commit, mirror.head_ref) == (head, "heads/work")
    remote.git("update-ref", "refs/heads/work", head)
    assert linked.sync().status == "succeeded"
    assert linked.mirror.state == "active"


def test_a_renamed_default_branch_is_followed_unless_one_was_chosen(
    linked: Linked, remote: Repository
) -> None:
    remote.commit({"a": "1"})
    linked.link()
    remote.git("branch", "-m", "main", "trunk")
    remote.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    assert linked.sync().status == "succeeded"
    mirror = linked.mirror
    assert (mirror.head_ref, mirror.default_branch) == ("heads/trunk", "trunk")


def test_a_repository_that_loses_everything_changes_nothing_here(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    before = published(linked)
    remote.git("update-ref", "-d", "refs/heads/main")
    assert linked.sync().error_code == "projects.branch_missing"
    assert published(linked) == before


def test_empty_and_tag_only_repositories_are_fine(linked: Linked, remote: Repository) -> None:
    run = linked.link()
    mirror = linked.mirror
    assert (run.outcome, mirror.state, mirror.head_commit) == ("empty", "active", "")
    assert linked.sync().outcome == "unchanged"
    commit = remote.commit({"a": "1"})
    remote.git("update-ref", "refs/tags/v1", commit)
    remote.git("update-ref", "-d", "refs/heads/main")
    assert linked.sync().outcome == "empty"
    assert published(linked) == {"tags/v1": commit}
    assert linked.mirror.file_count == 0


def test_tags_of_tags_lead_to_their_commit(linked: Linked, remote: Repository) -> None:
    commit = remote.commit({"a": "1"})
    add_tag(remote, "inner", commit)
    add_tag(remote, "outer", "inner")
    linked.link()
    ref = Ref.objects.get(project=linked.project, name="tags/outer")
    assert (ref.commit, ref.target) == (commit, remote.git("rev-parse", "outer"))


def test_pull_requests_are_not_fetched(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    hidden = remote.commit({"b": "2"}, branch="pull")
    remote.git("update-ref", "refs/pull/1/head", hidden)
    remote.git("update-ref", "-d", "refs/heads/pull")
    linked.link()
    assert set(published(linked)) == {"heads/main"}
    kept = run_git(published_repository(linked.mirror), "cat-file", "--batch-check", stdin=hidden.encode())
    assert kept.endswith(b" missing\n")


def test_a_new_clone_takes_the_place_of_the_old_with_its_archive(linked: Linked, remote: Repository) -> None:
    old = remote.commit({"a": "1"})
    linked.link()
    remote.commit({"b": "2"}, is_root=True)
    linked.sync()
    before = linked.mirror
    lost = remote.tip("main")
    remote.commit({"c": "3"}, is_root=True)
    run = linked.reclone()
    mirror = linked.mirror
    assert (run.kind, run.outcome, mirror.state) == ("reclone", "changed", "active")
    assert mirror.generation > before.generation
    folder = published_repository(mirror)
    for commit in (old, lost):
        assert run_git(folder, "cat-file", "-t", commit) == b"commit\n"
    assert set(ArchivedTip.objects.values_list("commit", flat=True)) == {old, lost}
    assert generation_folder(mirror.pk, before.generation).exists()
    sweep(mirror)
    assert not generation_folder(mirror.pk, before.generation).exists()


def test_a_manifest_run_reads_another_branch_without_the_remote(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    head = remote.commit({"b": "2", "c": "3"}, branch="work")
    linked.link()
    Project.objects.update(tracked_ref="work")
    run = linked.rebuild()
    mirror = linked.mirror
    assert (run.kind, run.outcome, run.commit_after) == ("manifest", "changed", head)
    assert (mirror.head_ref, mirror.file_count) == ("heads/work", 2)
    assert linked.rebuild().outcome == "unchanged"
