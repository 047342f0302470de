"""A mirror follows its remote."""

from apps.projects.git.layout import published_repository
from apps.projects.git.processes import run_git
from apps.projects.models import File, Manifest, Ref
from tests.projects.mirroring.conftest import Linked
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
