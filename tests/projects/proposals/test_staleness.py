"""A publication that changes what was scanned makes a proposal stale; a child keeps what still holds."""

import datetime as dt
import shutil
from collections.abc import Callable

import pytest
from django.utils import timezone

from apps.accounts.models import Notification
from apps.common.db import JobStatus
from apps.projects.models import Application, Mirror, MirrorRun, Proposal
from apps.projects.proposing.staleness import follow_publication
from apps.projects.states import RunKind
from tests.furniture.people import Actors
from tests.projects.proposals.renames import (
    Shop,
    act,
    apply,
    approve_all,
    approved,
    get,
    propose,
    proposed,
    run_application,
)

pytestmark = pytest.mark.django_db

Jobs = Callable[[], int]
CHANGED = "from shop.prices import total\n\n\ndef bill(items):\n    return total(items) + 1\n"


def test_a_change_of_a_scanned_file_makes_it_stale_and_queues_a_child(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    """Edge case 9."""
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    shop.publish({"shop/bill.py": CHANGED})
    assert follow_publication(shop.project.pk) == 1
    assert follow_publication(shop.project.pk) == 0
    proposal.refresh_from_db()
    child = Proposal.objects.get(parent=proposal)
    assert (proposal.state, child.state, child.lineage_depth) == ("stale", "analysing", 1)
    assert child.created_by == proposal.created_by
    assert Notification.objects.filter(kind="projects.proposal_stale", user=actors.analyst.user).count() == 1

    late = apply(actors.analyst, proposal, digest)
    assert (late.status_code, late.json()["code"]) == (409, "projects.proposal_stale")
    assert late.json()["child_id"] == str(child.pk)
    assert get(actors.viewer, proposal).json()["child_id"] == str(child.pk)

    run_jobs()
    child.refresh_from_db()
    assert child.state == "proposed"
    assert child.base_commit == shop.repository.tip("main")
    decided = {str(row): row.decision for row in child.files.all()}
    # Of prices.py blob and edits are as they were, bill.py is another file now.
    assert decided == {"shop/prices.py": "approved", "shop/bill.py": "pending"}
    assert all(edit["selected"] for row in child.files.filter(decision="approved") for edit in row.edits)


def test_a_change_elsewhere_leaves_it_valid_on_its_base(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    shop.publish({"notes.txt": "Nothing of this.\n", "logo.png": b"\0\1\2"})
    assert follow_publication(shop.project.pk) == 0
    assert apply(actors.analyst, proposal, digest).status_code == 202
    run_application(proposal)
    assert proposal.state == "applied"
    assert proposal.base_commit != shop.repository.tip("main")


@pytest.mark.parametrize(
    "change", [{"shop/new.py": "x = 1\n"}, {"shop/bill.py": None}], ids=["added", "removed"]
)
def test_another_set_of_scanned_files_makes_it_stale(
    actors: Actors, shop: Shop, run_jobs: Jobs, change: dict[str, str | None]
) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    shop.publish(change)
    follow_publication(shop.project.pk)
    proposal.refresh_from_db()
    assert proposal.state == "stale"


def test_an_approval_looks_at_what_is_published_itself(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    shop.publish({"shop/bill.py": CHANGED})
    answer = apply(actors.analyst, proposal, digest)
    assert answer.json()["code"] == "projects.proposal_stale"
    assert not Application.objects.exists()


def test_a_lineage_has_three_children_and_ends_after_a_fortnight(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    first = proposed(actors.analyst, shop, run_jobs)
    for number in range(5):
        shop.publish({"shop/bill.py": f"{CHANGED}\n# {number}\n"})
        follow_publication(shop.project.pk)
        run_jobs()
    assert list(Proposal.objects.order_by("pk").values_list("lineage_depth", "state")) == [
        (0, "stale"), (1, "stale"), (2, "stale"), (3, "stale"),
    ]  # fmt: skip
    last = Proposal.objects.latest("pk")
    again = act(actors.analyst, last, "repropose")
    assert (again.status_code, again.json()["parent_id"]) == (202, str(last.pk))
    twice = act(actors.analyst, last, "repropose")
    assert (twice.status_code, twice.json()["code"]) == (409, "projects.proposal_followed")
    assert twice.json()["child_id"] == again.json()["id"]

    run_jobs()
    Proposal.objects.filter(pk=again.json()["id"]).update(lineage_depth=1)
    Proposal.objects.filter(pk=first.pk).update(created_at=timezone.now() - dt.timedelta(days=14))
    shop.publish({"shop/bill.py": CHANGED})
    follow_publication(shop.project.pk)
    assert Proposal.objects.get(pk=again.json()["id"]).state == "stale"
    assert not Proposal.objects.filter(parent=again.json()["id"]).exists()


def test_a_base_that_moves_while_it_is_analysed_is_noticed(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    answer = propose(actors.analyst, shop.project)
    shop.publish({"shop/bill.py": CHANGED})
    assert follow_publication(shop.project.pk) == 0
    run_jobs()
    row = Proposal.objects.get(pk=answer.json()["id"])
    child = Proposal.objects.get(parent=row)
    assert (row.state, child.state) == ("stale", "proposed")


def test_a_new_clone_makes_open_proposals_stale_and_keeps_the_applied(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    """Edge case 21."""
    applied, digest = approved(actors.analyst, shop, run_jobs)
    apply(actors.analyst, applied, digest)
    run_application(applied)
    opened = proposed(actors.analyst, shop, run_jobs)
    mirror = Mirror.objects.get(project=shop.project)
    shutil.rmtree(shop.folder.parent)
    mirror.generation += 1
    mirror.save()
    shop.publish({"notes.txt": "Cloned anew.\n"})
    MirrorRun.objects.create(
        organization=shop.project.organization,
        project=shop.project,
        mirror=mirror,
        kind=RunKind.RECLONE,
        status=JobStatus.SUCCEEDED,
        finished_at=timezone.now(),
    )
    assert shop.ref(applied) == ""
    assert follow_publication(shop.project.pk) == 1
    opened.refresh_from_db()
    assert opened.state == "stale"
    assert shop.ref(applied) == applied.applied_commit
    assert get(actors.viewer, applied, "patch").status_code == 200


def test_a_child_finds_a_symbol_that_moved_by_its_name(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    Proposal.objects.filter(pk=proposal.pk).update(
        symbol={**proposal.symbol, "qualified_name": "shop.prices.total"}
    )
    shop.publish({"shop/prices.py": "import os\n\n\ndef total(items):\n    return sum(items)\n"})
    follow_publication(shop.project.pk)
    child = Proposal.objects.get(parent=proposal)
    assert child.request["symbol"] == {"qualified_name": "shop.prices.total"}


def test_a_rejected_or_failed_one_is_proposed_again_with_what_was_decided(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    approve_all(actors.analyst, proposal)
    assert act(actors.analyst, proposal, "repropose").json()["code"] == "conflict.state"
    assert act(actors.analyst, proposal, "reject").json()["state"] == "rejected"
    again = act(actors.manager, proposal, "repropose")
    assert again.status_code == 202
    run_jobs()
    child = Proposal.objects.get(parent=proposal)
    assert set(child.files.values_list("decision", flat=True)) == {"approved"}
