"""Who acts in the rights matrix, and what there is for each call to find."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.utils import timezone

from apps.accounts.models import Membership, Role, User
from apps.accounts.services import create_api_key
from apps.projects.git.layout import published_repository
from apps.projects.manifests.building import build_manifest
from apps.projects.manifests.publishing import publish_manifest
from apps.projects.models import (
    CodeJob,
    Credential,
    Manifest,
    MirrorRun,
    Project,
    Proposal,
    ProposalFile,
)
from apps.projects.states import MemberRole, Visibility
from apps.projects.vault import seal_secret
from tests.factories.accounts import create_member
from tests.factories.projects import ProjectFactory, ProjectMemberFactory, publish
from tests.furniture.people import Actors, Person
from tests.projects.repositories import Repository

PRIVATE: Final = "private"
OPEN: Final = "open"
ARCHIVED: Final = "archived"
SOURCE: Final = "def hello():\n    return 1\n"


@dataclass(frozen=True)
class Place:
    """One project with a row of each kind."""

    project: Project
    head: str
    member: User
    credential: Credential
    run: MirrorRun
    manifest: Manifest
    job: CodeJob
    proposal: Proposal


class RightsWorld:
    """Three projects of one owner: private, open to the organization, and an archived private one."""

    def __init__(self, actors: Actors, make_repository: Callable[[str], Repository]) -> None:
        self.actors = actors
        self.make_repository = make_repository

    @cached_property
    def people(self) -> dict[str, Person]:
        """Return everybody who tries."""
        found = {name: self.actors[name] for name in ("admin", "manager", "stranger", "anonymous")}
        roles = {
            "owner": Role.ANALYST,
            "editor": Role.ANALYST,
            "member": Role.VIEWER,
            "demoted": Role.ANALYST,
        }
        found |= {name: self._join(name, role) for name, role in roles.items()}
        found |= {"outsider": self.actors.analyst}
        owner = found["owner"]
        found |= {
            "reading_key": self._key(owner, Role.VIEWER, "projects:read"),
            "writing_key": self._key(owner, Role.ANALYST, "projects:read", "projects:write"),
            "other_key": self._key(owner, Role.VIEWER, "datasets:read"),
        }
        return found

    @cached_property
    def places(self) -> dict[str, Place]:
        """Return the projects."""
        repository = self.make_repository("rights")
        repository.commit({"a.py": SOURCE})
        places = {
            PRIVATE: self.make_place(repository, Visibility.PRIVATE),
            OPEN: self.make_place(repository, Visibility.ORGANIZATION),
            ARCHIVED: self.make_place(repository, Visibility.PRIVATE),
        }
        Project.objects.filter(pk=places[ARCHIVED].project.pk).update(archived_at=timezone.now())
        # An editor until just now.
        Membership.objects.filter(user=self.people["demoted"].user).update(role=Role.VIEWER)
        return places

    def path(self, call: str, where: str) -> str:
        """Return the address of a call with rows of one project."""
        place = self.places[where]
        key = base64.urlsafe_b64encode(b"a.py").decode().rstrip("=")
        values: dict[str, Any] = {
            "projects": place.project.pk,
            "members": place.member.pk,
            "credentials": place.credential.pk,
            "syncs": place.run.pk,
            "files": 0 if "refactor/" in call else "a.py",
            "raw": "a.py",
            "files-by-key": key,
            "raw-by-key": key,
            "commits": place.head,
            "jobs": place.proposal.pk if "refactor/" in call else place.job.pk,
        }
        parts: list[str] = []
        for part in call.partition(" ")[2].split("/"):
            parts.append(str(values[parts[-1]]) if part == "{}" else part)
        query = QUERIES.get(call)
        return f"/api/v1/{'/'.join(parts)}{query(place) if query else ''}"

    def body(self, call: str, where: str) -> dict[str, Any]:
        """Return a body with which the call can be judged."""
        make = BODIES.get(call)
        return make(self.places[where]) if make else {}

    def _join(self, name: str, role: Role) -> Person:
        user = create_member(self.actors.organization, role)
        return Person(name, self.actors.organization, user, role)

    def _key(self, owner: Person, role: Role, *scopes: str) -> Person:
        key, raw = create_api_key(actor=owner.actor, name="key", role=role, scopes=list(scopes))
        return Person("key", self.actors.organization, role=role, key=key, raw_key=raw)

    def make_place(self, repository: Repository, visibility: Visibility) -> Place:
        """Return a project that mirrors a repository with `a.py`, and a row of each kind."""
        people, organization = self.people, self.actors.organization
        project = ProjectFactory.create(
            organization=organization, owner=people["owner"].user, visibility=visibility
        )
        for name, role in (("editor", "editor"), ("demoted", "editor"), ("member", "viewer")):
            ProjectMemberFactory.create(project=project, user=people[name].user, role=MemberRole(role))
        other = create_member(organization, Role.VIEWER)
        ProjectMemberFactory.create(project=project, user=other)
        mirror = publish(project, repository)
        row: dict[str, Any] = {"organization": organization, "project": project}
        credential = Credential(host="git.example", label="Robot", **row)
        seal_secret(credential, b"a secret")
        credential.save()
        built = build_manifest(
            project=project,
            repository=published_repository(mirror),
            commit=mirror.head_commit,
            ref=mirror.head_ref,
        )
        manifest = publish_manifest(project=project, built=built)
        ended = {"status": "succeeded", "finished_at": timezone.now()} | row
        return Place(
            project=project,
            head=mirror.head_commit,
            member=other,
            credential=credential,
            run=MirrorRun.objects.create(mirror=mirror, kind="fetch", **ended),
            manifest=manifest,
            job=CodeJob.objects.create(
                manifest=manifest,
                type="summary",
                input_digest=b"1",
                commit=mirror.head_commit,
                request={"targets": {"paths": [], "globs": [], "anchors": []}},
                **row,
            ),
            proposal=self._proposal(manifest, repository, ended),
        )

    def _proposal(self, manifest: Manifest, repository: Repository, fields: dict[str, Any]) -> Proposal:
        proposal = Proposal.objects.create(
            manifest=manifest,
            state="proposed",
            request={
                "symbol": {"path": "a.py", "line": 1, "column": 5},
                "include": [],
                "exclude": [],
                "options": {"strings": False, "comments": False, "docs": False},
            },
            symbol={
                "name": "hello",
                "qualified_name": "a.hello",
                "kind": "function",
                "path": "a.py",
                "line": 1,
                "column": 5,
            },
            new_name="greet",
            base_ref="heads/main",
            base_commit=manifest.commit,
            **fields,
        )
        ProposalFile.objects.create(
            organization_id=proposal.organization_id,
            proposal=proposal,
            ordinal=0,
            path=b"a.py",
            path_hash=b"1",
            encoding="ascii",
            blob=repository.git("rev-parse", "main:a.py"),
        )
        return proposal


# What a call needs so that nothing but the right decides.
QUERIES: Final[dict[str, Callable[[Place], str]]] = {
    "DELETE projects/{}": lambda place: f"?confirm={place.project.name}",
    "GET projects/{}/search": lambda _place: "?q=hello",
    "GET projects/{}/compare": lambda place: f"?base={place.head}&head={place.head}",
    "GET projects/{}/manifest/diff": lambda _place: "?from=1&to=1",
}
BODIES: Final[dict[str, Callable[[Place], dict[str, Any]]]] = {
    "POST projects": lambda _place: {"name": "Another"},
    "POST ai/jobs": lambda place: {"project_id": str(place.project.pk), "type": "summary"},
    "POST refactor/jobs": lambda place: {
        "project_id": str(place.project.pk),
        "kind": "symbol",
        "symbol": {"path": "a.py", "line": 1, "column": 5},
        "new_name": "greet",
    },
    "POST projects/{}/transfer": lambda place: {"user_id": str(place.project.owner_id)},
    "POST projects/{}/anchors/resolve": lambda _place: {"anchors": []},
    "POST refactor/jobs/{}/apply": lambda _place: {"patch_digest": "0" * 64},
    "POST refactor/jobs/{}/decisions": lambda _place: {"all": "approved"},
}
