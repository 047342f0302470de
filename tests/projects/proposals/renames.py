"""Renames over the API, as the tests of proposals do them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from apps.common import jobs
from apps.projects.git.layout import published_repository
from apps.projects.git.processes import run_git
from apps.projects.models import Application, Mirror, Project, Proposal
from tests.furniture.people import Person
from tests.projects.manifests.building import publish_head
from tests.projects.repositories import Repository

URL: Final = "/api/v1/refactor/jobs"
FILES: Final[dict[str | bytes, Any]] = {
    "shop/__init__.py": "",
    "shop/prices.py": "def total(items):\n    return sum(items)\n",
    "shop/bill.py": "from shop.prices import total\n\n\ndef bill(items):\n    return total(items)\n",
    "README.md": "Call total() for the sum.\n",
}
PLACE: Final = {"path": "shop/prices.py", "line": 1, "column": 5}


@dataclass
class Shop:
    """A project whose repository holds FILES, and who works on it."""

    project: Project
    repository: Repository

    @property
    def folder(self) -> Any:
        """Return the published repository."""
        return published_repository(Mirror.objects.get(project=self.project))

    def publish(self, files: dict[Any, Any]) -> None:
        """Commit a change upstream and publish it."""
        self.repository.commit(files)
        publish_head(self.project, self.repository)

    def ref(self, proposal: Proposal) -> str:
        """Return the commit of a proposal's ref, empty without one."""
        listed = run_git(
            self.folder, "for-each-ref", "--format=%(objectname)", f"refs/sextant/applied/{proposal.pk}"
        )
        return listed.decode().strip()

    def tree(self, commit: str) -> str:
        """Return the tree of a commit."""
        return run_git(self.folder, "rev-parse", f"{commit}^{{tree}}").decode().strip()

    def file(self, commit: str, path: str) -> bytes:
        """Return the content of a file in a commit."""
        return run_git(self.folder, "cat-file", "blob", f"{commit}:{path}")


def propose(person: Person, project: Project, **fields: Any) -> Any:
    """Ask for the rename of PLACE to `grand_total`, unless told otherwise."""
    wish = {"symbol": PLACE, "new_name": "grand_total", "mode": "syntactic"}
    body = {"project_id": str(project.pk), **wish, **fields}
    body = {name: value for name, value in body.items() if value is not None}
    return person.api.post(URL, body, format="json")


def act(person: Person, proposal: Any, name: str, **body: Any) -> Any:
    """Do something with a proposal."""
    headers = body.pop("headers", {})
    return person.api.post(f"{URL}/{proposal.pk}/{name}", body, format="json", headers=headers)


def get(person: Person, proposal: Any, *parts: str, **query: Any) -> Any:
    """Read something of a proposal."""
    return person.api.get("/".join([URL, str(proposal.pk), *parts]), query)


def approve_all(person: Person, proposal: Proposal) -> None:
    """Approve every file with every edit that may be chosen."""
    rows = list(proposal.files.all())
    items = [
        {
            "file_id": row.ordinal,
            "decision": "approved",
            "edits": {edit["id"]: True for edit in row.edits if edit["bucket"] != "refused"},
        }
        for row in rows
    ]
    answer = act(person, proposal, "decisions", items=items)
    assert answer.status_code == 200, answer.content


def digest_of(person: Person, proposal: Proposal) -> str:
    """Return the digest of the present preview."""
    answer = act(person, proposal, "preview")
    assert answer.status_code == 200, answer.content
    digest: str = answer.json()["patch_digest"]
    return digest


def proposed(person: Person, shop: Shop, run_jobs: Callable[[], int], **fields: Any) -> Proposal:
    """Return a proposal whose analysis has ended."""
    answer = propose(person, shop.project, **fields)
    assert answer.status_code == 202, answer.content
    run_jobs()
    row = Proposal.objects.get(pk=answer.json()["id"])
    assert row.state == "proposed", (row.state, row.error_code, row.error_trace)
    return row


def approved(person: Person, shop: Shop, run_jobs: Callable[[], int], **fields: Any) -> tuple[Proposal, str]:
    """Return a proposal of which everything is approved, and the digest of its preview."""
    row = proposed(person, shop, run_jobs, **fields)
    approve_all(person, row)
    return row, digest_of(person, row)


def apply(person: Person, proposal: Proposal, digest: str, **fields: Any) -> Any:
    """Approve a patch."""
    return act(person, proposal, "apply", patch_digest=digest, **fields)


def run_application(proposal: Proposal) -> Application:
    """Run the newest application of a proposal here and now."""
    row: Application = Application.objects.filter(proposal=proposal).latest("created_at")
    jobs.execute("projects.apply", row.pk)
    row.refresh_from_db()
    proposal.refresh_from_db()
    return row
