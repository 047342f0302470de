"""A rename by meaning, from the wish to the commit, with what blocks it."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from apps.projects.models import Proposal
from tests.furniture.people import Actors
from tests.projects.proposals.renames import (
    Shop,
    act,
    apply,
    digest_of,
    get,
    propose,
    proposed,
    run_application,
)

pytestmark = pytest.mark.django_db

Jobs = Callable[[], int]
NAMED: Final = {"qualified_name": "shop.prices.total"}


def ready(actors: Actors, shop: Shop, run_jobs: Jobs, **fields: Any) -> Proposal:
    wish = {"mode": "semantic", "symbol": NAMED, **fields}
    return proposed(actors.analyst, shop, run_jobs, **wish)


def test_certain_sites_are_ticked_and_docs_are_left(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    row = ready(actors, shop, run_jobs)
    assert row.symbol["qualified_name"] == "shop.prices.total"
    assert row.outcome == "complete"
    edits = [edit for file in row.files.all() for edit in file.edits]
    assert {edit["bucket"] for edit in edits} == {"certain"}
    left = get(actors.viewer, row, "residual").json()["results"]
    assert [(item["path"], item["line"]) for item in left] == [("README.md", 1)]

    assert act(actors.analyst, row, "decisions", all="approved").status_code == 200
    assert apply(actors.analyst, row, digest_of(actors.analyst, row)).status_code == 202
    run_application(row)
    assert shop.file(row.applied_commit, "shop/bill.py") == (
        b"from shop.prices import grand_total\n\n\ndef bill(items):\n    return grand_total(items)\n"
    )


def test_one_unticked_site_of_a_binding_blocks(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    row = ready(actors, shop, run_jobs)
    act(actors.analyst, row, "decisions", all="approved")
    file = row.files.order_by("ordinal").first()
    assert file is not None
    one = {"file_id": file.ordinal, "edits": {file.edits[0]["id"]: False}}
    act(actors.analyst, row, "decisions", items=[one])
    preview = act(actors.analyst, row, "preview").json()
    assert preview["blocking"] is True
    answer = apply(actors.analyst, row, preview["patch_digest"])
    assert (answer.status_code, answer.json()["code"]) == (409, "projects.rename_conflict")


def test_a_taken_name_is_refused_and_cannot_be_applied(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    shop.publish({"shop/prices.py": "grand_total = 3\n\n\ndef total(items):\n    return sum(items)\n"})
    row = ready(actors, shop, run_jobs)
    assert row.outcome == "refused"
    assert "name_taken" in {item["code"] for item in row.conflicts}
    act(actors.analyst, row, "decisions", all="approved")
    preview = act(actors.analyst, row, "preview").json()
    assert "not_refused" in {check["code"] for check in preview["checks"] if not check["ok"]}
    answer = apply(actors.analyst, row, preview["patch_digest"])
    assert (answer.status_code, answer.json()["code"]) == (409, "projects.rename_conflict")


def test_a_module_moves_with_its_file(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    row = ready(
        actors, shop, run_jobs, kind="module", symbol={"qualified_name": "shop.prices"}, new_name="costs"
    )
    act(actors.analyst, row, "decisions", all="approved")
    files = get(actors.viewer, row, "files").json()["results"]
    assert {file["path"]: file["new_path"] for file in files} == {
        "shop/bill.py": None,
        "shop/prices.py": "shop/costs.py",
    }
    diff = get(actors.viewer, row, "files", "1", "diff").content
    assert b"rename to shop/costs.py" in diff
    assert apply(actors.analyst, row, digest_of(actors.analyst, row)).status_code == 202
    run_application(row)
    assert shop.file(row.applied_commit, "shop/costs.py").startswith(b"def total")
    assert shop.file(row.applied_commit, "shop/bill.py").startswith(b"from shop.costs import total")


def test_a_module_never_overwrites_another_file(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    shop.publish({"shop/costs.py": "x = 1\n"})
    module = {"qualified_name": "shop.prices"}
    row = ready(actors, shop, run_jobs, kind="module", symbol=module, new_name="costs")
    act(actors.analyst, row, "decisions", all="approved")
    row.files.filter(path=b"shop/prices.py").update(new_path=b"shop/costs.py")
    preview = act(actors.analyst, row, "preview").json()
    assert preview["blocking"]
    patch = get(actors.viewer, row, "patch").content
    assert b"-x = 1" not in patch
    assert b"rename to" not in patch


def test_an_unknown_name_is_refused_with_candidates(actors: Actors, shop: Shop) -> None:
    wish = {"mode": "semantic", "symbol": {"qualified_name": "shop.bills.total"}}
    answer = propose(actors.analyst, shop.project, **wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "projects.symbol_not_found")
    assert "shop.prices.total" in {item["qualified_name"] for item in answer.json()["candidates"]}


def test_a_name_that_is_gone_when_it_is_analysed_leaves_its_candidates(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    answer = propose(actors.analyst, shop.project, mode="semantic", symbol=NAMED)
    row = Proposal.objects.get(pk=answer.json()["id"])
    symbol = {"qualified_name": "shop.bills.total"}
    Proposal.objects.update(request={**row.request, "symbol": symbol})
    run_jobs()
    shown = get(actors.viewer, row).json()
    assert (shown["state"], shown["error"]["code"]) == ("failed", "projects.symbol_not_found")
    assert ("candidate", "shop.prices.total") in {(c["code"], c["detail"]) for c in shown["conflicts"]}
