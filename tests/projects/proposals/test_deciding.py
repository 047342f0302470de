"""Files and edits are decided one by one or all alike; what is open or split blocks."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.projects.models import Proposal
from apps.projects.states import ProposalState
from tests.furniture.people import Actors
from tests.projects.proposals.renames import Shop, act, apply, approve_all, approved, get, proposed

pytestmark = pytest.mark.django_db

Jobs = Callable[[], int]


def failed_checks(answer: Any) -> list[str]:
    return [check["code"] for check in answer.json()["checks"] if not check["ok"]]


def test_a_pending_file_blocks_and_nothing_chosen_too(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    preview = act(actors.analyst, proposal, "preview")
    assert preview.json()["blocking"] is True
    assert set(failed_checks(preview)) == {"files_decided", "not_empty"}
    answer = apply(actors.analyst, proposal, preview.json()["patch_digest"])
    assert (answer.status_code, answer.json()["code"]) == (409, "projects.rename_conflict")
    assert set(answer.json()["checks"]) == {"files_decided", "not_empty"}


def test_a_group_of_which_a_part_was_rejected_blocks(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    approve_all(actors.analyst, proposal)
    for row in proposal.files.all():
        for edit in row.edits:
            edit["group"] = "total"
        proposal.files.filter(ordinal=row.ordinal).update(edits=row.edits)
    assert act(actors.analyst, proposal, "preview").json()["blocking"] is False
    act(actors.analyst, proposal, "decisions", items=[{"file_id": 0, "decision": "rejected"}])
    preview = act(actors.analyst, proposal, "preview")
    assert failed_checks(preview) == ["groups_whole"]


def test_all_files_are_decided_at_once(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    answer = act(actors.analyst, proposal, "decisions", all="approved")
    assert answer.status_code == 200
    files = get(actors.viewer, proposal, "files", decision="approved").json()["results"]
    assert len(files) == 2
    assert answer.json()["version"] > get(actors.viewer, proposal).json()["version"] - 1


def test_a_decision_for_another_state_of_the_proposal_is_refused(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    tag = get(actors.analyst, proposal)["ETag"]
    first = act(actors.analyst, proposal, "decisions", all="approved", headers={"If-Match": tag})
    assert first.status_code == 200
    late = act(actors.manager, proposal, "decisions", all="rejected", headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition.failed")
    assert get(actors.analyst, proposal)["ETag"] == first["ETag"]
    again = act(actors.manager, proposal, "decisions", all="rejected", headers={"If-Match": first["ETag"]})
    assert again.status_code == 200


def test_what_is_not_there_or_refused_cannot_be_decided(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal = proposed(actors.analyst, shop, run_jobs)
    row = proposal.files.get(ordinal=0)
    row.edits[0]["bucket"] = "refused"
    proposal.files.filter(ordinal=0).update(edits=row.edits)

    def pointer(**body: Any) -> str:
        answer = act(actors.analyst, proposal, "decisions", **body)
        assert answer.status_code == 422, answer.content
        found: str = answer.json()["errors"][0]["pointer"]
        return found

    edit = row.edits[0]["id"]
    assert pointer(items=[{"file_id": 9, "decision": "approved"}]) == "/items/0/file_id"
    assert pointer(items=[{"file_id": 0, "edits": {"none": True}}]) == "/items/0/edits/none"
    assert pointer(items=[{"file_id": 0, "edits": {edit: True}}]) == f"/items/0/edits/{edit}"
    assert act(actors.analyst, proposal, "decisions").status_code == 422
    both = act(actors.analyst, proposal, "decisions", all="approved", items=[])
    assert both.status_code == 422
    many = [{"file_id": 0, "decision": "approved"}] * 501
    assert act(actors.analyst, proposal, "decisions", items=many).status_code == 422
    assert proposal.files.exclude(decision="pending").count() == 0


def test_only_a_proposed_one_can_be_acted_on(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    acts: dict[str, dict[str, Any]] = {
        "decisions": {"all": "approved"},
        "apply": {"patch_digest": digest},
        "preview": {},
        "reject": {},
    }
    completed = "projects.job_already_completed"
    for state, code in (
        (ProposalState.ANALYSING, "conflict.state"),
        (ProposalState.APPLYING, "conflict.state"),
        (ProposalState.APPLIED, completed),
        (ProposalState.REJECTED, completed),
        (ProposalState.FAILED, completed),
    ):
        Proposal.objects.filter(pk=proposal.pk).update(state=state)
        for name, body in acts.items():
            answer = act(actors.analyst, proposal, name, **body)
            assert (answer.status_code, answer.json()["code"]) == (409, code), (state, name)
