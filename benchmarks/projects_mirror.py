"""The first mirror of a repository beside `git clone --mirror` of the same, and a look without news.

Promised in performance.md, section 4, and projects.md, section 15.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.test import override_settings

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.common.jobs import execute
from apps.projects.git.layout import generation_folder
from apps.projects.models import Mirror, MirrorRun, Project
from apps.projects.services.mirrors import link_repo, start_sync
from benchmarks.projects_manifest import FILES, FILES_QUICK, make_repository
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage, free_port

NAME: Final = "mirrored.git"


def mirror_rows(stage: Stage, organization: Organization) -> Sequence[Row]:
    """Mirror in turn with git itself, the whole run from claim to publication, and without its manifest."""
    served = stage.folder / "served"
    served.mkdir(parents=True, exist_ok=True)
    make_repository(served / NAME, FILES_QUICK if stage.quick else FILES)
    whole, fetched, clones, unchanged = [], [], [], []
    with _daemon(served) as port, override_settings(PROJECTS_TEST_REMOTES=[f"127.0.0.1:{port}"]):
        url = f"git://127.0.0.1:{port}/{NAME}"
        for number in range(stage.rounds):
            clones.append(_timed(lambda: _clone(url, stage.folder / "clone.git")))
            project = Project.objects.create(organization=organization, name=f"Mirror {number}")
            whole.append(_mirror(project, url))
            fetched.append(_fetch_alone(project))
            unchanged.append(_look_again(project))
            stage.say(f"clone {clones[-1]:.2f} s, mirror {whole[-1]:.2f} s, unchanged {unchanged[-1]:.2f} s")
    shutil.rmtree(served, ignore_errors=True)
    beside, goal = (
        {"git clone --mirror, objects checked": clones},
        Goal("git clone --mirror, objects checked", at_most=1.15),
    )
    return [
        Row("first mirror, until its objects are here", "s", fetched, beside, [goal]),
        Row("first mirror, until its manifest is published", "s", whole, beside, [goal]),
        Row("a look that finds nothing new", "s", unchanged, goals=[Goal(at_most=0.3)]),
    ]


def _mirror(project: Project, url: str) -> float:
    actor = system_actor(project.organization)
    return _timed(lambda: _ran(link_repo(actor=actor, project=project, url=url)))


def _look_again(project: Project) -> float:
    # Else it would be too soon.
    Mirror.objects.filter(project=project).update(last_synced_at=None)
    project = Project.objects.select_related("mirror", "organization").get(pk=project.pk)
    actor = system_actor(project.organization)
    return _timed(lambda: _ran(start_sync(actor=actor, project=project)[0]))


def _ran(run: MirrorRun) -> None:
    execute("projects.sync", run.pk)
    run.refresh_from_db()
    if run.status != "succeeded":
        raise RuntimeError(f"{run.kind}: {run.error_code} {run.error_detail}")


def _fetch_alone(project: Project) -> float:
    """Return the seconds from the start of the run until the last pack was written."""
    mirror = Mirror.objects.get(project=project)
    run = MirrorRun.objects.filter(mirror=mirror, kind="clone").get()
    packs = list((generation_folder(mirror.pk, mirror.generation) / "objects" / "pack").glob("*.pack"))
    if not packs or run.started_at is None:
        raise RuntimeError("nothing was fetched")
    newest_s: float = max(pack.stat().st_mtime for pack in packs)
    return newest_s - float(run.started_at.timestamp())


def _clone(url: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    command = ["git", "-c", "transfer.fsckObjects=true", "clone", "-q", "--mirror", url, str(folder)]
    subprocess.run(command, check=True)


@contextmanager
def _daemon(folder: Path) -> Iterator[int]:
    port = free_port()
    command = [
        "git",
        "daemon",
        "--export-all",
        "--listen=127.0.0.1",
        f"--port={port}",
        f"--base-path={folder}",
    ]
    daemon = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        time.sleep(0.5)
        yield port
    finally:
        os.killpg(daemon.pid, signal.SIGTERM)
        daemon.wait()


def _timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
