"""Everything times every actor times two organizations, generated from what is registered.

What a route, a page, a topic or a tool declares as its permission is what each role gets: whoever holds it
passes, whoever lacks it is told 403, and somebody of another organization finds what is not there. Rows for
the places of addresses come from `rows.py`; an address without one fails and says so.
"""

from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from apps.accounts.permissions import Actor
from apps.common.errors import DomainError, Forbidden, Invalid, NotFound
from apps.common.live import topics
from apps.common.tools import all_tools
from tests.architecture.routes import Address, addresses
from tests.architecture.rows import OF_THE_BUILD, PERSONAL, World, row_of
from tests.factories.accounts import UserFactory
from tests.furniture.people import ROLES, Person

MEMBERS = (*ROLES, "key")
# Calls that one kind of credential alone can make: whoever comes with another one is told to sign in.
PAGE_ONLY = frozenset({"api/v1/auth/token"})
# What a view decides by itself, and by which permission.
DECIDED_BELOW = {
    # Or whoever started it.
    ("api/v1/jobs/(?P<pk>[^/.]+)/cancel", "post"): "accounts.manage_jobs",
    # An import publishes, unless it is a dry run.
    ("api/v1/datasets/(?P<dataset_id>[^/.]+)/imports", "post"): "datasets.publish",
    # A source is scheduled, on a dataset that only the body names.
    ("api/v1/sources", "post"): "datasets.schedule",
    # Everybody may leave, and take nobody else along.
    ("api/v1/projects/(?P<project_pk>[^/.]+)/members/(?P<user_id>[^/.]+)", "delete"): "projects.link",
    # What is needed depends on the right on the project.
    ("api/v1/refactor/jobs", "post"): "projects.run",
    ("api/v1/refactor/jobs/(?P<pk>[^/.]+)/preview", "post"): "projects.run",
    ("api/v1/refactor/jobs/(?P<pk>[^/.]+)/reject", "post"): "projects.run",
    ("api/v1/refactor/jobs/(?P<pk>[^/.]+)/repropose", "post"): "projects.run",
    # Reading, for those who may share: the right to edit the project.
    ("api/v1/preview/sessions/(?P<session_pk>[^/.]+)/devices", "get"): "previews.create",
    ("api/v1/preview/sessions/(?P<session_pk>[^/.]+)/accesses", "get"): "previews.create",
}
# Whoever comes second is told to wait, as the first one's call is counted for all.
COUNTED_FOR_ALL = frozenset({"api/v1/projects/(?P<project_pk>[^/.]+)/sync-repo"})
# Addresses whose places hold no row: what is read is named by parameters.
NAMED_BY_PARAMETER = ("hexes", "tiles", "heatmap")
PROVE_AGAIN = "auth.reauthentication_required"

ALL = [address for address in addresses() if not address.is_public]
API = [address for address in ALL if hasattr(address.view, "actions")]
PAGES = [address for address in ALL if hasattr(address.view, "permission")]
ADMIN = [address for address in ALL if address.route.startswith("admin/")]
# Not of a kind that has a matrix here, each with where it is tried instead.
ELSEWHERE = {
    "mcp": "tools are tried below, the door in tests/mcp",
    "api/v1/live/events": "topics are tried below, the door in tests/live",
}
CALLS = [(address, method) for address in API for method in address.methods]


def name_call(value: Any) -> str:
    return value.route if isinstance(value, Address) else str(value)


def ask(person: Person, method: str, path: str, **headers: str) -> Any:
    """Call and take back what it changed, so that the next person finds the same rows."""
    client = person.api if path.startswith("/api/") else person.browser
    with transaction.atomic():
        options: dict[str, Any] = {"format": "json"} if path.startswith("/api/") else {}
        answer = getattr(client, method)(path, headers=headers, **options)
        if answer.streaming:
            _read_and_close(answer)
        transaction.set_rollback(True)
    return answer


def _read_and_close(answer: Any) -> None:
    """Read a download to its end and close its file, as a server does; the request itself goes on."""
    content = b"".join(answer)
    for close in answer._resource_closers:
        close()
    answer.streaming_content = [content]


def open_page(person: Person, path: str) -> Any:
    """Look at a page, or send its form where it only takes one."""
    answer = ask(person, "get", path)
    return ask(person, "post", path) if answer.status_code == 405 else answer


def code_of(answer: Any) -> str:
    is_problem = answer.get("Content-Type", "").startswith("application/problem+json")
    return str(answer.json()["code"]) if is_problem else ""


def path_for(world: World, person: Person, address: Address) -> str:
    if address.route in OF_THE_BUILD:
        assert world.build
    return address.path_to(lambda segment: row_of(world, person, segment, address.route))


def judge(actor: Actor, permission: str, answer: Any, *, is_personal: bool) -> str:
    """Return what is wrong with an answer, empty if nothing is."""
    status, code = answer.status_code, code_of(answer)
    if status >= 500 or status == 401:
        return f"{status} {code}"
    if permission and not actor.might(permission):
        return "" if (status, code) == (403, "permission.denied") else f"{status} {code} without {permission}"
    if permission and not actor.may(permission):  # on rows of their own only, which these are not
        return "" if status in {403, 422} else f"{status} {code} on somebody else's row"
    if actor.api_key is not None and (is_personal or not permission):
        return "" if status != 429 else f"{status} {code}"
    is_good = status not in {403, 404, 429} or code == PROVE_AGAIN
    return "" if is_good else f"{status} {code} with {permission or 'no permission needed'}"


def test_every_private_address_has_a_matrix() -> None:
    known = {address.route for address in (*API, *PAGES, *ADMIN)} | ELSEWHERE.keys()
    missing = [address.route for address in ALL if address.route not in known]
    assert not missing, "declare a permission by ResourceViewSet or @page, or list it in ELSEWHERE"


@pytest.mark.parametrize(("address", "method"), CALLS, ids=name_call)
def test_each_role_gets_what_the_endpoint_declares(world: World, address: Address, method: str) -> None:
    actors = world.actors
    declared = DECIDED_BELOW.get((address.route, method), address.permission_of(method))
    is_personal = any(f"/{segment}/" in f"/{address.route}/" for segment in PERSONAL)
    wrong = {}
    for name in ROLES if address.route in PAGE_ONLY else MEMBERS:
        answer = ask(actors[name], method, path_for(world, actors[name], address))
        if address.route not in COUNTED_FOR_ALL or answer.status_code != 429:
            wrong[name] = judge(actors[name].actor, declared, answer, is_personal=is_personal)
    assert not {name: text for name, text in wrong.items() if text}


@pytest.mark.parametrize(("address", "method"), CALLS, ids=name_call)
def test_a_stranger_finds_what_is_not_there(world: World, address: Address, method: str) -> None:
    actors, private = world.actors, world.everything()
    found = ask(actors.stranger, method, path_for(world, actors.admin, address))
    if "<" in address.route and not any(f"/{name}/<" in address.route for name in NAMED_BY_PARAMETER):
        missing = ask(actors.stranger, method, address.path)
        assert (found.status_code, code_of(found)) == (missing.status_code, code_of(missing))
        assert found.status_code == 404
    text = b"".join(found) if found.streaming else found.content
    assert not [key for key in private if key.encode() in text and key not in found.request["PATH_INFO"]]
    if address.view.cls.needs_organization:
        named = ask(
            actors.stranger,
            method,
            found.request["PATH_INFO"],
            **{"X-Organization": actors.organization.slug},
        )
        assert named.status_code == 404


@pytest.mark.parametrize("address", [a for a in API if "get" in a.methods], ids=name_call)
def test_head_is_get_without_a_body(world: World, address: Address) -> None:
    """Edge case 10."""
    actors = world.actors
    path = path_for(world, actors.admin, address)
    got, head = ask(actors.admin, "get", path), ask(actors.admin, "head", path)
    assert head.status_code == got.status_code
    assert b"".join(head) == b""
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control"):
        assert head.get(name) == got.get(name), name


@pytest.mark.parametrize("address", PAGES, ids=name_call)
def test_each_role_sees_the_pages_it_may(world: World, address: Address) -> None:
    actors, permission = world.actors, address.permission_of("get")
    for name in ROLES:
        status = open_page(actors[name], path_for(world, actors[name], address)).status_code
        may = not permission or actors[name].actor.might(permission)  # none: a page of one's own account
        assert (status == 403) is not may, (name, status)
        assert status < 500
    stranger = open_page(actors.stranger, path_for(world, actors.admin, address))
    if "<" in address.route:
        assert stranger.status_code == 404
    else:
        assert not [key for key in world.everything() if key.encode() in stranger.content]


@pytest.mark.parametrize("address", ADMIN, ids=name_call)
def test_nobody_but_staff_gets_into_the_admin(world: World, address: Address) -> None:
    actors = world.actors
    outsiders = [
        actors.admin,
        actors.stranger,
        Person("locked", user=UserFactory.create(is_staff=True, is_active=False)),
    ]
    for person in outsiders:
        for method in ("get", "post"):
            answer = ask(person, method, address.path)
            assert answer.status_code in {302, 403, 404, 405}
            if answer.status_code == 302:
                assert "login" in answer["Location"]


@pytest.mark.parametrize("pattern", sorted(topics._topics))
def test_each_topic_is_open_to_whom_it_declares(world: World, pattern: str) -> None:
    actors, topic = world.actors, topics._topics[pattern]
    segment = pattern.partition(".<")[0]

    def outcome(person: Person, owner: Person) -> str:
        name = pattern if "<" not in pattern else f"{segment}.{row_of(world, owner, segment, pattern)}"
        try:
            found = topics.find_topic(person.actor, name)
            found.check_row(person.actor, name)
            address = found.address(person.actor, name)
        except DomainError as error:
            return type(error).__name__
        return str(address.owner_id) if hasattr(address, "owner_id") else str(address)

    for name in MEMBERS:
        actor = actors[name].actor
        may = not topic.permission or actor.may(topic.permission)
        is_refused = not may or (topic.private and actor.user is None)
        assert (outcome(actors[name], actors[name]) == Forbidden.__name__) is is_refused, name
    theirs = outcome(actors.stranger, actors.admin)
    if "<" in pattern:
        assert theirs == NotFound.__name__
    else:
        assert theirs != outcome(actors.admin, actors.admin)  # a stream of their own organization, or person


@pytest.mark.parametrize("tool", all_tools(), ids=lambda tool: tool.name)
def test_each_tool_is_for_whom_it_declares_and_finds_nothing_of_others(world: World, tool: Any) -> None:
    actors = world.actors
    if tool.offered is None:
        for name in MEMBERS:
            may = not tool.permission or actors[name].actor.might(tool.permission)
            assert tool.is_offered_to(actors[name].actor) is may, name
    private = world.everything()
    arguments = _arguments(world, tool)
    answer = _answer(tool, actors.stranger.actor, arguments)
    assert answer == _answer(tool, actors.stranger.actor, dict.fromkeys(arguments, str(UUID(int=7))))
    assert not [key for key in private if key in answer]
    if arguments:
        assert answer in {NotFound.__name__, Invalid.__name__}


def _answer(tool: Any, actor: Actor, arguments: dict[str, str]) -> str:
    """Return what a tool answers as text, or the name of its error; what it did is taken back."""
    try:
        with transaction.atomic():
            found = str(tool.call(actor, tool.read(arguments)))
            transaction.set_rollback(True)
    except DomainError as error:
        return type(error).__name__
    return found


def _arguments(world: World, tool: Any) -> dict[str, str]:
    """Return rows of the actors' organization for every required argument that is an id."""
    schema = tool.input_schema
    ids = [
        name
        for name in schema.get("required", ())
        if schema["properties"][name].get("format") == "uuid" or name == "id" or name.endswith("_id")
    ]
    own = tool.name.partition("_")[0]
    segments = {name: own if name == "id" else f"{name.removesuffix('_id')}s" for name in ids}
    return {
        name: str(row_of(world, world.actors.admin, segment, f"the tool {tool.name}"))
        for name, segment in segments.items()
    }
