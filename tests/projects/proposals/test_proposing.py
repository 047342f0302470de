"""A rename is asked for by place, by name or by a suggestion; what cannot be is refused at once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.errors import DomainError
from apps.projects.documenting.results import Anchor, Result, Suggestion
from apps.projects.models import CodeJob, Manifest, Proposal
from apps.projects.proposing.analysing import run_rename
from apps.projects.proposing.settling import settle_lost
from apps.projects.services.proposals import propose_rename
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.projects.proposals.renames import PLACE, URL, Shop, get, propose, proposed
from tests.projects.repositories import Blob

pytestmark = pytest.mark.django_db

Jobs = Callable[[], int]


def refusal(answer: Any) -> Any:
    assert answer.status_code >= 400, answer.content
    return (answer.status_code, answer.json()["code"])


def test_what_cannot_be_renamed_is_refused_at_once(actors: Actors, shop: Shop) -> None:
    def refused(**fields: Any) -> str:
        wish = {"symbol": PLACE, "new_name": "grand_total", "mode": "syntactic", **fields}
        with pytest.raises(DomainError) as caught:
            propose_rename(actor=actors.analyst.actor, project=shop.project, **wish)
        return caught.value.code

    not_found, not_supported = "projects.symbol_not_found", "projects.language_not_supported"
    assert refused(new_name="class") == "projects.new_name_invalid"
    assert refused(new_name="two words") == "projects.new_name_invalid"
    assert refused(new_name="\ufdfa" * 20) == "projects.new_name_invalid"
    assert refused(new_name="\ufb03" * 200) == "projects.new_name_invalid"  # three letters each
    assert refused(symbol={**PLACE, "path": "none.py"}) == not_found
    assert refused(symbol={**PLACE, "path": "../etc/passwd"}) == not_found
    assert refused(symbol={**PLACE, "line": 99}) == not_found
    assert refused(symbol={**PLACE, "column": 99}) == not_found
    assert refused(symbol={"qualified_name": "shop.prices.total"}) == not_found
    readme = {"path": "README.md", "line": 1, "column": 6}
    assert refused(symbol=readme) == not_supported
    assert refused(symbol=readme, mode="semantic") == not_supported
    answer = propose(actors.analyst, shop.project, new_name="class")
    assert refusal(answer) == (422, "projects.new_name_invalid")
    assert not Proposal.objects.exists()


def test_wishes_of_another_shape_are_refused(actors: Actors, shop: Shop) -> None:
    invalid = (422, "request.invalid")
    for fields in (
        {"symbol": {"path": "a.py"}},
        {"symbol": None},
        {"include": ["*"] * 51},
        {"suggestion": {"job_id": str(shop.project.pk), "index": 0}},
        {"unknown": 1},
    ):
        assert refusal(propose(actors.analyst, shop.project, **fields)) == invalid, fields
    sixth = propose(actors.analyst, shop.project)
    assert refusal(sixth) == (429, "rate.limited")


def test_a_project_without_a_published_state_has_nothing_to_rename(actors: Actors, shop: Shop) -> None:
    empty = ProjectFactory.create(organization=actors.organization, owner=actors.analyst.user)
    assert refusal(propose(actors.analyst, empty)) == (409, "projects.not_linked")
    Manifest.objects.update(state="superseded")
    assert refusal(propose(actors.analyst, shop.project)) == (409, "projects.not_linked")


def test_a_suggestion_of_a_code_job_is_proposed(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    manifest = Manifest.objects.get(project=shop.project)
    blob = shop.repository.git("rev-parse", "main:shop/prices.py")
    anchor = Anchor("shop/prices.py", blob, 1, 2)
    suggestion = Suggestion("shop.prices.total", anchor, "total", "sum_of_items", "clearer", 0.5)
    result = Result("suggestions", "", suggestions=(suggestion,))
    job = CodeJob.objects.create(
        organization=actors.organization,
        project=shop.project,
        manifest=manifest,
        type="rename_suggestions",
        input_digest=b"",
        commit=manifest.commit,
        status=JobStatus.SUCCEEDED,
        result=msgspec.to_builtins(result),
    )
    named = {"job_id": str(job.pk), "index": 0}
    answer = propose(actors.analyst, shop.project, symbol=None, new_name=None, suggestion=named)
    assert answer.status_code == 202, answer.content
    row = Proposal.objects.get(pk=answer.json()["id"])
    assert row.new_name == "sum_of_items"
    assert row.request["symbol"] == {"path": "shop/prices.py", "line": 1, "column": 5}
    missing = propose(actors.analyst, shop.project, symbol=None, suggestion={**named, "index": 1})
    assert refusal(missing) == (422, "request.invalid")


def test_one_is_analysed_at_a_time_in_a_project(actors: Actors, shop: Shop) -> None:
    first, second = (propose(actors.analyst, shop.project).json()["id"] for _ in range(2))
    Proposal.objects.filter(pk=first).update(status=JobStatus.RUNNING)
    jobs.execute("projects.rename", second)
    assert Proposal.objects.get(pk=second).status == "queued"
    other = ProjectFactory.create(organization=actors.organization)
    rows = Proposal.objects.filter(pk=second)
    assert not run_rename.claimable(rows).exists()
    rows.update(project=other)
    assert run_rename.claimable(rows).exists()


def test_an_analysis_that_fails_says_why_and_can_be_retried(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    answer = propose(actors.analyst, shop.project)
    row = Proposal.objects.get(pk=answer.json()["id"])
    Proposal.objects.update(request={**row.request, "symbol": {**PLACE, "line": 50}})
    run_jobs()
    failed = get(actors.viewer, row).json()
    assert (failed["state"], failed["error"]["code"]) == ("failed", "projects.symbol_not_found")

    Proposal.objects.update(request=row.request)
    assert actors.admin.api.post(f"/api/v1/jobs/{row.pk}/retry").status_code == 202
    run_jobs()
    assert get(actors.viewer, row).json()["state"] == "proposed"


def test_a_cancelled_analysis_ends_its_proposal(actors: Actors, shop: Shop) -> None:
    row = Proposal.objects.get(pk=propose(actors.analyst, shop.project).json()["id"])
    assert actors.analyst.api.post(f"/api/v1/jobs/{row.pk}/cancel").status_code == 202
    # As if the process had died between the end of the job and what follows.
    assert settle_lost() == 1
    assert get(actors.viewer, row).json()["state"] == "cancelled"


def test_binary_links_and_what_no_utf8_names_are_left_alone(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    shop.publish(
        {
            "link.py": Blob(b"shop/prices.py", "120000"),
            b"caf\xe9.py": b"total = 1\n",
            "data.py": b"total\0",
            "notes.md": "total\n",
        }
    )
    row = proposed(actors.analyst, shop, run_jobs)
    assert {str(file) for file in row.files.all()} == {"shop/bill.py", "shop/prices.py"}


def test_excluded_files_are_read_and_never_changed(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    row = proposed(actors.analyst, shop, run_jobs, exclude=["**/bill.py"])
    assert [str(file) for file in row.files.all()] == ["shop/prices.py"]
    left = get(actors.viewer, row, "residual").json()["results"]
    assert {(item["path"], item["reason"]) for item in left} == {("shop/bill.py", "excluded")}


def test_lists_are_filtered_and_paged(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    row = proposed(actors.analyst, shop, run_jobs, exclude=["**/bill.py"])
    other = propose(actors.analyst, shop.project).json()["id"]

    def ids(**query: Any) -> list[str]:
        return [item["id"] for item in actors.viewer.api.get(URL, query).json()["results"]]

    assert ids() == [other, str(row.pk)]
    assert ids(state="proposed") == [str(row.pk)]
    assert ids(project_id=str(shop.project.pk), state="analysing") == [other]
    assert actors.viewer.api.get(URL, {"state": "lost"}).status_code == 422

    first = get(actors.viewer, row, "residual", page_size=1, count="true").json()
    assert (len(first["results"]), first["count"]) == (1, 2)
    second = actors.viewer.api.get(first["next"]).json()
    assert second["next"] is None
    assert actors.viewer.api.get(second["previous"]).json()["results"] == first["results"]
    assert first["results"][0]["line"] < second["results"][0]["line"]


def test_files_are_paged_by_their_number(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    row = proposed(actors.analyst, shop, run_jobs)
    first = get(actors.viewer, row, "files", page_size=1).json()
    second = actors.viewer.api.get(first["next"]).json()
    assert [item["id"] for item in (*first["results"], *second["results"])] == [0, 1]
    assert actors.viewer.api.get(second["previous"]).json()["results"] == first["results"]
    assert get(actors.viewer, row, "files", "7", "diff").status_code == 404
    assert get(actors.viewer, row, "files", "9" * 30, "diff").status_code == 404


def test_lists_take_the_same_queries_however_long_they_are(
    actors: Actors, shop: Shop, run_jobs: Jobs, same_queries: Check
) -> None:
    manifest = Manifest.objects.get(project=shop.project)

    def add() -> None:
        Proposal.objects.create(
            organization=actors.organization,
            project=shop.project,
            manifest=manifest,
            new_name="x",
            base_ref="heads/main",
            base_commit=manifest.commit,
            created_by=actors.analyst.user,
        )

    same_queries("GET /api/v1/refactor/jobs", add, lambda: actors.viewer.api.get(URL))
    row = proposed(actors.analyst, shop, run_jobs)
    file = row.files.get(ordinal=0)

    def add_file() -> None:
        file.ordinal += 10
        file.save(force_insert=True)

    same_queries("GET /api/v1/refactor/jobs/{id}/files", add_file, lambda: get(actors.viewer, row, "files"))
