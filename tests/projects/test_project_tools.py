"""What programs reach of projects over MCP is what their callers may do, as the API has it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from apps.common.errors import DomainError, Forbidden, Invalid, NotFound
from apps.common.tools import find_tool, offered_tools
from apps.projects.models import CodeJob, Project, Symbol
from tests.furniture.people import Actors, Person
from tests.projects.repositories import Repository
from tests.projects.rights_world import OPEN, PRIVATE, Place, RightsWorld

READING = (
    "projects_list", "projects_mirror", "projects_files", "projects_read", "projects_search",
    "projects_symbols", "projects_compare", "projects_manifest", "projects_docs", "projects_job",
    "projects_proposal",
)  # fmt: skip
WRITING = ("projects_sync", "projects_start_job", "projects_propose_rename")


@pytest.fixture
def world(actors: Actors, make_repository: Callable[[str], Repository]) -> RightsWorld:
    """Give the projects of the rights matrix."""
    return RightsWorld(actors, make_repository)


def call(person: Person, name: str, **arguments: Any) -> Any:
    """Return the answer of a tool as JSON has it."""
    tool = find_tool(name)
    assert tool is not None
    return msgspec.to_builtins(tool.call(person.actor, tool.read(msgspec.to_builtins(arguments))))


def arguments_of(place: Place, name: str) -> dict[str, Any]:
    """Return arguments with which a tool has something to say."""
    project: dict[str, Any] = {"project_id": place.project.pk}
    own: dict[str, dict[str, Any]] = {
        "projects_list": {},
        "projects_read": project | {"path": "a.py"},
        "projects_search": project | {"q": "hello"},
        "projects_compare": project | {"base": "main", "head": place.head},
        "projects_job": {"job_id": place.job.pk},
        "projects_proposal": {"proposal_id": place.proposal.pk},
        "projects_start_job": project | {"type": "summary"},
        "projects_propose_rename": project | {"path": "a.py", "line": 1, "column": 5, "new_name": "greet"},
    }
    return own.get(name, project)


def test_reading_is_offered_to_all_and_writing_to_analysts(actors: Actors) -> None:
    def offered(person: Person) -> set[str]:
        return {tool.name for tool in offered_tools(person.actor) if tool.name.startswith("projects_")}

    assert offered(actors.viewer) == set(READING)
    assert offered(actors.analyst) == {*READING, *WRITING}


def test_what_is_read_is_what_lies_there(world: RightsWorld) -> None:
    place, member = world.places[PRIVATE], world.people["member"]
    blob = call(member, "projects_read", **arguments_of(place, "projects_read"))["blob_id"]
    Symbol.objects.create(
        organization=place.project.organization,
        project=place.project,
        blob=blob,
        ordinal=0,
        name="hello",
        qualified_name="a.hello",
        kind="function",
        line_start=1,
        line_end=2,
    )
    found = {name: call(member, name, **arguments_of(place, name)) for name in READING}
    assert str(place.project.pk) in {row["id"] for row in found["projects_list"]["projects"]}
    assert found["projects_mirror"]["head_commit"] == place.head
    assert [row["path"] for row in found["projects_files"]["entries"]] == ["a.py"]
    assert found["projects_read"]["content"].startswith("def hello")
    assert [(hit["path"], hit["line"]) for hit in found["projects_search"]["hits"]] == [("a.py", 1)]
    assert found["projects_symbols"]["symbols"][0]["qualified_name"] == "a.hello"
    assert found["projects_compare"]["files"] == []
    assert found["projects_manifest"]["totals"]["files"] == 1
    assert found["projects_docs"] == {"docs": [], "truncated": False}
    assert found["projects_job"]["status"] == "queued"
    assert found["projects_proposal"]["new_name"] == "greet"


def test_lines_of_a_file_come_with_the_number_of_the_first(world: RightsWorld) -> None:
    arguments = arguments_of(world.places[PRIVATE], "projects_read") | {"start": 2, "end": 2}
    found = call(world.people["member"], "projects_read", **arguments)
    assert (found["content"], found["first_line"]) == ("    return 1\n", 2)


@pytest.mark.parametrize("name", [name for name in (*READING, *WRITING) if name != "projects_list"])
def test_what_somebody_does_not_see_is_not_there(world: RightsWorld, name: str) -> None:
    arguments = arguments_of(world.places[PRIVATE], name)
    for who in ("outsider", "stranger"):
        with pytest.raises(NotFound):
            call(world.people[who], name, **arguments)
    listed = call(world.people["outsider"], "projects_list")["projects"]
    assert [row["id"] for row in listed] == [str(world.places[OPEN].project.pk)]


@pytest.mark.parametrize("name", WRITING)
def test_writing_takes_the_right_to_edit(world: RightsWorld, name: str) -> None:
    arguments = arguments_of(world.places[PRIVATE], name)
    with pytest.raises(Forbidden):
        call(world.people["member"], name, **arguments)
    assert call(world.people["editor"], name, **arguments)


def test_a_started_job_is_followed_by_its_id(world: RightsWorld) -> None:
    editor, arguments = world.people["editor"], arguments_of(world.places[PRIVATE], "projects_start_job")
    started = call(editor, "projects_start_job", **arguments | {"paths": ["a.py"]})
    assert call(editor, "projects_job", job_id=started["id"])["type"] == "summary"
    assert CodeJob.objects.get(pk=started["id"]).request["targets"]["paths"] == ["a.py"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("projects_read", {"path": "../a.py"}),
        ("projects_search", {"q": "two\nlines"}),
        ("projects_propose_rename", {"path": ""}),
        ("projects_start_job", {"paths": ["a.py"], "line_start": 2, "line_end": 1}),
        ("projects_start_job", {"type": "explanation"}),
    ],
)
def test_wrong_arguments_are_said_to_be_so(world: RightsWorld, name: str, wrong: dict[str, Any]) -> None:
    arguments = arguments_of(world.places[PRIVATE], name) | wrong
    with pytest.raises(DomainError) as caught:
        call(world.people["editor"], name, **arguments)
    assert isinstance(caught.value, Invalid) or caught.value.code == "projects.path_invalid"


def test_an_archived_project_takes_no_writes(world: RightsWorld) -> None:
    place = world.places[PRIVATE]
    Project.objects.filter(pk=place.project.pk).update(archived_at=place.project.created_at)
    for name in WRITING:
        with pytest.raises(DomainError) as caught:
            call(world.people["owner"], name, **arguments_of(place, name))
        assert caught.value.code == "projects.archived"
