"""The patch that is shown, downloaded and applied is one: git makes the same tree of it everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from apps.projects.git.processes import run_git
from apps.projects.proposing.patching import FileChange, make_patch
from tests.furniture.people import Actors
from tests.projects.proposals.renames import (
    FILES,
    Shop,
    act,
    apply,
    approve_all,
    approved,
    get,
    proposed,
    run_application,
)
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db

Jobs = Callable[[], int]


def clone_of(shop: Shop, folder: Path, commit: str) -> Repository:
    """Return a clone of the upstream repository whose index holds a commit."""
    clone = Repository(folder)
    clone.git("fetch", "-q", str(shop.repository.folder), f"{commit}:refs/heads/base")
    clone.git("read-tree", commit)
    return clone


def tree_after(clone: Repository, *patches: bytes) -> str:
    for patch in patches:
        clone.git("apply", "--cached", "-", stdin=patch)
    return clone.git("write-tree")


def test_git_makes_the_applied_tree_of_the_patch_and_of_the_sum_of_diffs(
    actors: Actors, shop: Shop, run_jobs: Jobs, tmp_path: Path
) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    files = get(actors.viewer, proposal, "files").json()["results"]
    diffs = [get(actors.viewer, proposal, "files", str(file["id"]), "diff").content for file in files]
    assert apply(actors.analyst, proposal, digest).status_code == 202
    run_application(proposal)

    patch = get(actors.viewer, proposal, "patch")
    assert patch["X-Content-Type-Options"] == "nosniff"
    tree = shop.tree(proposal.applied_commit)
    base = proposal.base_commit
    assert tree_after(clone_of(shop, tmp_path / "one.git", base), patch.content) == tree
    assert tree_after(clone_of(shop, tmp_path / "two.git", base), *diffs) == tree
    assert len(diffs) == 2


def test_the_patch_is_what_git_diff_writes(shop: Shop, tmp_path: Path) -> None:
    base = shop.repository.tip("main")
    changes = [
        FileChange(b"shop/prices.py", "100644", b"def sum_of(items):\n    return sum(items)\n"),
        FileChange(b"shop/bill.py", "100755", b"x = 1\n", b"shop/invoice.py"),
    ]
    before = sorted(path.name for path in (shop.folder / "objects").rglob("*"))
    made = make_patch(shop.folder, base, changes)

    assert sorted(path.name for path in (shop.folder / "objects").rglob("*")) == before
    clone = clone_of(shop, tmp_path / "clone.git", base)
    assert tree_after(clone, made.content) == made.tree_id
    assert clone.git("diff", "--binary", "--full-index", base, made.tree_id).encode() + b"\n" == made.content


ODD: Final = {
    "crlf.py": b"def total(x):\r\n    return x\r\n",
    "bom.py": b"\xef\xbb\xbfdef total(x):\n    return x\n",
    "mixed.py": b"# a\r\ndef total(x):\r\n    return x\ntotal(1)",
    "latin.py": b"# -*- coding: latin-1 -*-\n# caf\xe9\ndef total(x):\n    return x\n",
    "cr.py": b"def total(x):\r    return x\r",
}


def test_only_the_bytes_of_the_name_change(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    """Edge cases 17 and 18: line ends, byte order mark, encoding, a missing last line end, the mode."""
    shop.publish(dict.fromkeys(FILES) | {name: Blob(content, "100755") for name, content in ODD.items()})
    symbol = {"path": "crlf.py", "line": 1, "column": 5}
    proposal, digest = approved(actors.analyst, shop, run_jobs, symbol=symbol)
    assert proposal.files.count() == len(ODD)
    assert apply(actors.analyst, proposal, digest).status_code == 202
    run_application(proposal)
    for name, content in ODD.items():
        assert shop.file(proposal.applied_commit, name) == content.replace(b"total", b"grand_total"), name
    modes = run_git(shop.folder, "ls-tree", "--format=%(objectmode)", proposal.applied_commit)
    assert set(modes.split()) == {b"100755"}


def test_unticked_edits_and_rejected_files_stay_out_of_the_patch(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    approve_all(actors.analyst, proposal)
    bill, prices = proposal.files.order_by("ordinal")
    answer = act(actors.analyst, proposal, "decisions", items=[
        {"file_id": prices.ordinal, "decision": "rejected"},
        {"file_id": bill.ordinal, "edits": {bill.edits[0]["id"]: False}},
    ])  # fmt: skip
    assert answer.status_code == 200
    patch = get(actors.viewer, proposal, "patch").content
    assert b"prices.py b/" not in patch
    assert patch.count(b"\n+") == 2  # the header's +++ and one line
    assert b"+    return grand_total(items)" in patch
