"""A rename is proposed, decided, previewed, applied: the one commit is the preview byte for byte."""

import hashlib
from collections.abc import Callable

import pytest

from apps.projects.models import Proposal
from tests.furniture.people import Actors
from tests.projects.proposals.renames import (
    URL,
    Shop,
    act,
    apply,
    approve_all,
    get,
    propose,
    run_application,
)

pytestmark = pytest.mark.django_db


def test_a_rename_becomes_one_commit(actors: Actors, shop: Shop, run_jobs: Callable[[], int]) -> None:
    answer = propose(actors.analyst, shop.project)
    assert answer.status_code == 202, answer.content
    assert answer["Location"].endswith(f"{URL}/{answer.json()['id']}")
    assert answer.json()["state"] == "analysing"
    run_jobs()
    proposal = Proposal.objects.get(pk=answer.json()["id"])

    seen = get(actors.viewer, proposal).json()
    assert (seen["state"], seen["status"], seen["outcome"]) == ("proposed", "succeeded", "complete")
    assert seen["counts"]["files"] == 2
    assert seen["symbol"]["name"] == "total"

    files = get(actors.viewer, proposal, "files").json()["results"]
    assert [(file["path"], file["decision"]) for file in files] == [
        ("shop/bill.py", "pending"),
        ("shop/prices.py", "pending"),
    ]
    approve_all(actors.analyst, proposal)
    preview = act(actors.analyst, proposal, "preview").json()
    assert preview["blocking"] is False, preview

    patch = get(actors.viewer, proposal, "patch")
    assert hashlib.sha256(patch.content).hexdigest() == preview["patch_digest"]
    answer = apply(actors.analyst, proposal, preview["patch_digest"])
    assert answer.status_code == 202, answer.content
    run_application(proposal)

    assert proposal.state == "applied"
    commit = proposal.applied_commit
    assert shop.ref(proposal) == commit
    assert shop.tree(commit) == preview["tree_id"]
    assert shop.file(commit, "shop/prices.py") == b"def grand_total(items):\n    return sum(items)\n"
    assert get(actors.viewer, proposal, "patch").content == patch.content
