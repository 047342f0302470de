"""The project of the sample organization: a small Python program, its repository made here.

Nothing is fetched: the repository is written where a clone would lie, and a manifest run publishes it.
"""

import shutil
from typing import Final

from django.db import transaction

from apps.accounts.models import Organization, Role, User
from apps.projects.git.layout import generation_folder, mirror_folder
from apps.projects.git.processes import run_git
from apps.projects.mirroring.queueing import queue_run
from apps.projects.mirroring.refs import below
from apps.projects.mirroring.schedule import DueReason
from apps.projects.models import Mirror, MirrorRun, Project
from apps.projects.sample_files import COMMITS, Commit
from apps.projects.states import MirrorState, RunKind, RunTrigger, SyncMode, Visibility

NAME: Final = "Sample inventory"
# A host that is nowhere (RFC 6761), so that a sync that somebody asks for reaches nobody.
HOST: Final = "git.invalid"
URL: Final = f"https://{HOST}/sample/inventory.git"
AUTHOR: Final = "Sample author <author@example.com>"
START_S: Final = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY_S: Final = 86_400
FIRST: Final = 1


def make_sample(organization: Organization) -> MirrorRun | None:
    """Make the project with its mirror, and queue the run that publishes it; None if it is there."""
    if Project.objects.living().filter(organization=organization, name=NAME).exists():
        return None
    with transaction.atomic():
        project = Project.objects.create(
            organization=organization,
            owner=_owner_of(organization),
            name=NAME,
            description="A small Python program to try files, jobs and renames on.",
            visibility=Visibility.ORGANIZATION,
            sync_mode=SyncMode.MANUAL,
        )
        mirror = Mirror.objects.create(
            organization=organization,
            project=project,
            url=URL,
            host=HOST,
            port=443,
            state=MirrorState.ACTIVE,
            default_branch="main",
            generation=FIRST,
            snapshot=FIRST,
            fence=FIRST,
            due_reason=DueReason.MANUAL,
        )
        # Before the rows are there for others: killed in between, the folder is found and removed at night.
        _write_repository(mirror)
        run, _ = queue_run(mirror, RunKind.MANIFEST, trigger=RunTrigger.COMMAND)
    return run


def remove_sample(organization: Organization) -> None:
    """Remove the folder of the sample's mirror; its rows go with the organization."""
    for mirror_id in Mirror.objects.filter(organization=organization, url=URL).values_list("pk", flat=True):
        shutil.rmtree(mirror_folder(mirror_id), ignore_errors=True)


def _owner_of(organization: Organization) -> User | None:
    first = organization.memberships.filter(role=Role.ADMIN).select_related("user").order_by("pk").first()
    return first.user if first is not None else None


def _write_repository(mirror: Mirror) -> None:
    folder = generation_folder(mirror.pk, FIRST)
    folder.mkdir(parents=True, mode=0o700)
    run_git(None, "init", "--quiet", "--bare", "--template=", "--shared=0600", str(folder))
    prefix = below(FIRST)
    stream = b"".join(_commit(number, commit, prefix) for number, commit in enumerate(COMMITS))
    run_git(folder, "fast-import", "--quiet", stdin=stream)


def _commit(number: int, commit: Commit, prefix: str) -> bytes:
    """Return a commit as `git fast-import` reads it; marks count from 1."""
    ref = f"{prefix}/heads/{commit.branch}"
    head = f"commit {ref}\nmark :{number + 1}\ncommitter {AUTHOR} {START_S + number * DAY_S} +0000\n"
    parts = [head.encode(), _data(commit.message)]
    if number:
        parts.append(f"from :{number}\n".encode())
    for path, content in commit.files.items():
        parts += [f"M 100644 inline {path}\n".encode(), _data(content)]
    if commit.tag:
        parts.append(f"reset {prefix}/tags/{commit.tag}\nfrom :{number + 1}\n\n".encode())
    return b"".join(parts)


def _data(text: str) -> bytes:
    content = text.encode()
    return f"data {len(content)}\n".encode() + content + b"\n"
