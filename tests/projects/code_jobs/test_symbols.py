"""Symbols: found by name in what is published, kept up to date by index runs."""

from typing import Any

import pytest

from apps.common.jobs import run_due
from apps.projects.documenting.indexing import queue_index
from apps.projects.models import Project, Symbol
from tests.furniture.people import Actors, Person
from tests.furniture.query_counts import Check
from tests.projects.code_jobs.worlds import FILES, MakeRepository, published_project
from tests.projects.manifests.building import publish_head

pytestmark = pytest.mark.django_db

SCRIPT = "/** Adds. */\nexport function addUp(a, b) { return a + b; }\n"


def index(project: Project) -> None:
    assert queue_index(project.pk) is not None
    run_due(queue="low_priority")


def listed(person: Person, project: Project, **query: Any) -> dict[str, Any]:
    response = person.api.get(f"/api/v1/projects/{project.pk}/symbols", query)
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    return found


def names(person: Person, project: Project, **query: Any) -> list[str]:
    return [row["qualified_name"] for row in listed(person, project, **query)["results"]]


def test_definitions_are_found_by_name_folder_and_kind(
    actors: Actors, make_repository: MakeRepository
) -> None:
    repository = make_repository("remote")
    repository.commit(FILES | {"web/sum.js": SCRIPT, "pack2.py": "def other(): pass\n"})
    project = published_project(actors, repository)
    assert listed(actors.viewer, project) == {
        "results": [], "next": None, "previous": None, "index_commit": None,
    }  # fmt: skip
    index(project)
    assert names(actors.viewer, project) == [
        "Circle._hidden", "addUp", "Circle.area", "Circle", "make", "other", "scale",
    ]  # fmt: skip
    assert names(actors.viewer, project, search="CIR") == ["Circle"]
    assert names(actors.viewer, project, search="circle.a") == ["Circle.area"]
    assert names(actors.viewer, project, path="pack", kind="function") == ["make", "scale"]
    assert names(actors.viewer, project, path="web/sum.js") == ["addUp"]
    page = listed(actors.viewer, project, search="add")
    assert page["index_commit"] == repository.tip("main")
    assert page["results"] == [
        {
            "name": "addUp",
            "qualified_name": "addUp",
            "kind": "function",
            "path": "web/sum.js",
            "blob_id": repository.git("rev-parse", "main:web/sum.js"),
            "lines": {"start": 2, "end": 2},
            "signature": "function addUp(a, b)",
            "has_docstring": True,
        }
    ]


def test_a_later_run_reads_new_blobs_alone_and_forgets_old_ones(
    actors: Actors, make_repository: MakeRepository
) -> None:
    repository = make_repository("remote")
    repository.commit(FILES)
    project = published_project(actors, repository)
    index(project)
    kept = Symbol.objects.filter(project=project, name="scale").get()
    Symbol.objects.filter(pk=kept.pk).update(signature="as it was read first")
    assert queue_index(project.pk) is None
    repository.commit({"pack/shapes.py": "def square(): pass\n"})
    publish_head(project, repository)
    index(project)
    assert names(actors.viewer, project) == ["scale", "square"]
    assert Symbol.objects.get(project=project, name="scale").signature == "as it was read first"
    assert listed(actors.viewer, project)["index_commit"] == repository.tip("main")
    assert Symbol.objects.filter(project=project).count() == 2


def test_pages_of_symbols_follow_each_other(actors: Actors, make_repository: MakeRepository) -> None:
    repository = make_repository("remote")
    repository.commit(
        {"a.py": "def one(): pass\n" * 3, "b.py": "def One(): pass\n", "c.py": "def one(): pass\n"}
    )
    project = published_project(actors, repository)
    index(project)
    seen = []
    page = listed(actors.viewer, project, page_size=2)
    while True:
        seen += [(row["path"], row["name"]) for row in page["results"]]
        if page["next"] is None:
            break
        page = actors.viewer.api.get(page["next"]).json()
    assert sorted(seen) == [("a.py", "one")] * 3 + [("b.py", "One"), ("c.py", "one")]


def test_symbols_are_for_those_who_see_the_project(
    actors: Actors, make_repository: MakeRepository, same_queries: Check
) -> None:
    repository = make_repository("remote")
    repository.commit(FILES)
    project = published_project(actors, repository)
    address = f"/api/v1/projects/{project.pk}/symbols"
    assert actors.stranger.api.get(address).status_code == 404
    assert actors.anonymous.api.get(address).status_code == 401
    project.visibility = "private"
    project.save()
    assert actors.viewer.api.get(address).status_code == 404
    numbers = iter(range(1_000))

    def add() -> None:
        Symbol.objects.create(
            organization=project.organization, project=project, name="x", qualified_name="x", kind="class",
            blob=repository.git("rev-parse", "main:README.md"), ordinal=next(numbers), line_start=1,
            line_end=1,
        )  # fmt: skip

    same_queries("projects_symbols", add, lambda: actors.admin.api.get(address))
