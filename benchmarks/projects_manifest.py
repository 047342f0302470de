"""The manifest of a repository of 5,000 files and 42 MB: all new, and again with every fact known.

Beside them what git takes alone to list the tree and to write out all blobs.
Promised in projects.md, section 15.
"""

import random
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.services import purge_organization
from apps.projects.git.processes import run_git
from apps.projects.git.trees import iter_tree
from apps.projects.manifests.building import build_manifest
from apps.projects.manifests.publishing import publish_manifest
from apps.projects.manifests.values import BuiltManifest
from apps.projects.models import BlobFact, File, Project
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage

ResultT = TypeVar("ResultT")

TITLE = "Manifests of code projects"
FILES: Final = 5_000
FILES_QUICK: Final = 500
FILE_BYTES: Final = 8_400
_WORDS: Final = (
    "value",
    "row",
    "total",
    "name",
    "path",
    "count",
    "index",
    "result",
    "frame",
    "order",
    "size",
)
# One definition in eight lines, as in real code.
_LINES: Final = {
    "py": ("def {a}_{b}({c}):", *("    {a} = {b} + {c}.{a}", "    return {c}[{b}]", "", "# {a}") * 2),
    "ts": ("export function {a}{b}({c}: number) {{", *("  const {a} = {b} + {c};", "}}", "  {a}();") * 2),
    "md": ("The {a} of the {b} is {c}.", "", "## {a} and {b}", "* {c}: {a}"),
    "json": ('  "{a}_{b}": "{c}",', '  "{b}": {{"{a}": 1}},'),
}


def run(stage: Stage) -> Sequence[Row]:
    """Build in an organization of its own, which is removed afterwards."""
    organization = Organization.objects.create(name="Benchmark", slug=f"bench-{secrets.token_hex(4)}")
    repository = stage.folder / "manifest.git"
    try:
        commit = make_repository(repository, FILES_QUICK if stage.quick else FILES)
        return _rows(
            stage, Project.objects.create(organization=organization, name="Bench"), repository, commit
        )
    finally:
        purge_organization(organization)
        shutil.rmtree(repository, ignore_errors=True)


def make_repository(folder: Path, files: int) -> str:
    """Make a packed bare repository with one commit; return its id."""
    shutil.rmtree(folder, ignore_errors=True)
    run_git(None, "init", "-q", "--bare", "--initial-branch=main", str(folder))
    pieces = [b"commit refs/heads/main\ncommitter B <b@example.com> 1767225600 +0000\ndata 1\nx\n"]
    for path, content in _files(files):
        pieces.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
    run_git(folder, "fast-import", "--quiet", stdin=b"".join(pieces))
    return run_git(folder, "rev-parse", "refs/heads/main").decode().strip()


def _files(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield paths and contents, the same at every call."""
    source = random.Random(1)
    for number in range(count):
        extension = list(_LINES)[number % len(_LINES)]
        lines: list[str] = []
        size_bytes, wanted = 0, source.randrange(FILE_BYTES // 4, FILE_BYTES * 7 // 4)
        while size_bytes < wanted:
            a, b, c = (source.choice(_WORDS) for _ in range(3))
            lines.append(source.choice(_LINES[extension]).format(a=a, b=b, c=c))
            size_bytes += len(lines[-1]) + 1
        path = f"part{number % 40}/room{number % 7}/file{number}.{extension}"
        yield path, "\n".join([*lines, ""]).encode()


def _rows(stage: Stage, project: Project, repository: Path, commit: str) -> Sequence[Row]:
    seconds: dict[str, list[float]] = {name: [] for name in ("new", "known", "publish", "list", "stream")}
    cpu_s: list[float] = []
    for _round in range(stage.rounds):
        BlobFact.objects.filter(organization_id=project.organization_id).delete()
        File.objects.filter(organization_id=project.organization_id).delete()
        _timed(seconds["list"], lambda: list(iter_tree(repository, commit, is_recursive=True)))
        _timed(seconds["stream"], lambda: _stream(repository, commit))
        before_s = time.process_time()
        _timed(seconds["new"], lambda: _build(project, repository, commit))
        cpu_s.append(time.process_time() - before_s)
        built = _timed(seconds["known"], lambda: _build(project, repository, commit))
        _timed(seconds["publish"], partial(_publish, project, built))
        stage.say(", ".join(f"{name} {values[-1]:.2f} s" for name, values in seconds.items()))
    size_mb = built.header["totals"]["bytes"] / 1e6
    stage.notes.append(
        f"{built.file_count:,} files, {size_mb:.0f} MB, in {len(built.folders)} folders. With all blobs "
        f"new, {min(cpu_s):.2f} to {max(cpu_s):.2f} s are work of this process; the rest is git's, the "
        "database's and that of whatever else the machine does."
    )
    beside = {"git lists the tree": seconds["list"], "git writes all blobs": seconds["stream"]}
    return [
        Row("manifest, all blobs new", "s", seconds["new"], beside, [Goal(at_most=1.5)]),
        Row("manifest, all facts known", "s", seconds["known"]),
        Row("publication of its files, all new", "s", seconds["publish"]),
    ]


def _build(project: Project, repository: Path, commit: str) -> BuiltManifest:
    return build_manifest(project=project, repository=repository, commit=commit, ref="heads/main")


def _publish(project: Project, built: BuiltManifest) -> None:
    with transaction.atomic():
        publish_manifest(project=project, built=built)


def _stream(repository: Path, commit: str) -> None:
    blobs = [entry.oid for entry in iter_tree(repository, commit, is_recursive=True, has_trees=False)]
    listed = repository / "blobs"
    listed.write_text("".join(f"{blob}\n" for blob in blobs))
    with listed.open("rb") as requests:
        subprocess.run(
            ["git", "--git-dir", str(repository), "cat-file", "--batch", "--buffer"],
            stdin=requests,
            stdout=subprocess.DEVNULL,
            check=True,
        )


def _timed(into: list[float], act: Callable[[], ResultT]) -> ResultT:
    """Return what an act gives, and note how many seconds it took."""
    began = time.monotonic()
    result = act()
    into.append(time.monotonic() - began)
    return result
