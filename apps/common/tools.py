"""The tools and resources that programs and models reach over MCP: the registry that each app fills.

An app adds its own in `AppConfig.ready()`:

    register_tools(
        [
            Tool(
                name="datasets_describe",
                title="One dataset",
                description="Return a dataset with the facts of its current version.",
                permission="datasets.view",
                arguments=DatasetNamed,     # a msgspec.Struct: checks the arguments and is their JSON Schema
                result=DatasetFacts,        # another one: the shape of the answer
                call=get_dataset,           # (actor, arguments) -> result
            )
        ],
        DATASET_RESOURCE,
    )

`apps.accounts.mcp` speaks the protocol. A tool's function raises DomainErrors like any service; a tool that
writes is one service call. Time, rows and bytes are limited from outside (platform.md section 17).
"""

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from django.db.models import Model, QuerySet, TextChoices

from apps.common.errors import FieldError, Invalid

NAME_PATTERN: Final = re.compile(r"[a-z]+(_[a-z]+)+")
KEY_PROPERTY: Final = "idempotency_key"
KEY_SCHEMA: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "description": "Any text of your own. A repetition with the same key and arguments has no second effect"
    " and gets the first answer again.",
}
MISPLACED: Final = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
MISSING_FIELD: Final = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)

ArgumentsT = TypeVar("ArgumentsT", bound=msgspec.Struct)
RowT = TypeVar("RowT", bound=Model)

# What several tools take.
PageSize = Annotated[int, msgspec.Meta(ge=1, le=200, description="How many rows to return.")]
CursorText = Annotated[
    str, msgspec.Meta(max_length=2_000, description="`next_cursor` of the page before; empty for the first.")
]
NextCursor = Annotated[str | None, msgspec.Meta(description="Pass it as cursor; null on the last page.")]
Instant = Annotated[dt.datetime, msgspec.Meta(tz=True)]


class Arguments(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The arguments of a tool: a subclass names them, with their limits and descriptions."""


class NoArguments(Arguments):
    """The arguments of a tool that takes none."""


class Result(msgspec.Struct, kw_only=True):
    """The answer of a tool: a subclass names its fields."""


@dataclass(frozen=True, slots=True)
class Tool(Generic[ArgumentsT]):
    """One tool, `<app>_<verb>`.

    `permission` is the one it needs, empty for whoever is signed in. Where a right depends on the row,
    `offered` tells instead who may be offered the tool; the service behind it still decides. `limit` is the
    scope of rate limits that a call counts against besides `mcp`.
    """

    name: str
    title: str
    description: str
    permission: str
    arguments: type[ArgumentsT]
    result: type[msgspec.Struct]
    # (actor, arguments) -> an instance of `result`; the actor is `accounts.permissions.Actor`.
    call: Callable[[Any, ArgumentsT], msgspec.Struct]
    limit: str = "mcp"
    writes: bool = False
    # Hints for whoever asks a person before calling: takes something away; a repetition changes nothing more.
    is_destructive: bool = False
    is_repeatable: bool = False
    offered: Callable[[Any], bool] | None = None

    def is_offered_to(self, actor: Any) -> bool:
        """Tell whether the actor may call the tool, at least on rows of their own."""
        if self.offered is not None:
            return self.offered(actor)
        return not self.permission or bool(actor.might(self.permission))

    @property
    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments; of a tool that writes with the idempotency key."""
        schema = json_schema(self.arguments)
        if self.writes:
            schema["properties"] = schema.get("properties", {}) | {KEY_PROPERTY: KEY_SCHEMA}
        return schema

    @property
    def output_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the answer."""
        return json_schema(self.result)

    @property
    def hints(self) -> dict[str, Any]:
        """Return what the protocol calls annotations."""
        return {
            "title": self.title,
            "readOnlyHint": not self.writes,
            "destructiveHint": self.is_destructive,
            "idempotentHint": self.is_repeatable or not self.writes,
            "openWorldHint": False,
        }

    def read(self, arguments: Mapping[str, Any]) -> ArgumentsT:
        """Return the checked arguments; raises Invalid that names what is wrong."""
        try:
            return msgspec.convert(arguments, self.arguments)
        except msgspec.ValidationError as error:
            raise Invalid(
                f"The arguments of {self.name} are not what its schema says.", errors=[_field_error(error)]
            ) from error


@dataclass(frozen=True, slots=True)
class Resource:
    """One type of rows that can be read by address, `sextant://<app>/<type>/<id>`."""

    app: str
    type: str
    title: str
    description: str
    permission: str
    # (actor) -> the rows the actor may see, as a QuerySet.
    rows: Callable[[Any], Any]
    # A row in words for a list, and its content as JSON takes it.
    name_of: Callable[[Any], str]
    content_of: Callable[[Any], msgspec.Struct]
    # Whether its rows stand in the list of all resources, or are only read by address.
    is_listed: bool = True

    def is_offered_to(self, actor: Any) -> bool:
        """Tell whether the actor may read such rows, those that `rows` lets them see."""
        return not self.permission or bool(actor.may(self.permission))

    @property
    def template(self) -> str:
        """Return the address with the id left open."""
        return f"sextant://{self.app}/{self.type}/{{id}}"

    def address_of(self, row_id: uuid.UUID) -> str:
        """Return the address of one row."""
        return f"sextant://{self.app}/{self.type}/{row_id}"


_tools: dict[str, Tool[Any]] = {}
_resources: dict[tuple[str, str], Resource] = {}


def register_tool(tool: Tool[Any]) -> None:
    """Add a tool; registering the same name again replaces it. Raises ValueError for a malformed name."""
    if not NAME_PATTERN.fullmatch(tool.name):
        raise ValueError(f"a tool is called <app>_<verb>, not {tool.name}")
    _tools[tool.name] = tool


def register_resource(resource: Resource) -> None:
    """Add a type of resource; registering the same again replaces it."""
    _resources[(resource.app, resource.type)] = resource


def register_tools(tools: Iterable[Tool[Any]], *resources: Resource) -> None:
    """Add the tools of an app, and the types of resources that their answers lead to."""
    for resource in resources:
        register_resource(resource)
    for tool in tools:
        register_tool(tool)


def find_tool(name: str) -> Tool[Any] | None:
    """Return a tool by name."""
    return _tools.get(name)


def all_tools() -> Sequence[Tool[Any]]:
    """Return every tool, by name: the order that clients see is the same in every process."""
    return [tool for _, tool in sorted(_tools.items())]


def offered_tools(actor: Any) -> Sequence[Tool[Any]]:
    """Return the tools that an actor may call, by name."""
    return [tool for tool in all_tools() if tool.is_offered_to(actor)]


def find_resource(app: str, type_: str) -> Resource | None:
    """Return a type of resource."""
    return _resources.get((app, type_))


def offered_resources(actor: Any) -> Sequence[Resource]:
    """Return the types of resources that an actor may read, by address."""
    return [found for _, found in sorted(_resources.items()) if found.is_offered_to(actor)]


def newest_first(rows: QuerySet[RowT], *, cursor: str, page_size: int) -> tuple[list[RowT], str | None]:
    """Return one page of rows, the newest first, and the cursor of the next; raises Invalid for a wrong one.

    Keys are UUIDv7, so their order is that of creation, and rows coming and going shift nothing. One query.
    """
    if cursor:
        try:
            rows = rows.filter(pk__lt=uuid.UUID(cursor))
        except ValueError as error:
            detail = "This is not the next_cursor of a page."
            raise Invalid(errors=[FieldError(detail, pointer="/cursor")]) from error
    page = list(rows.order_by("-pk")[: page_size + 1])
    has_more = len(page) > page_size
    return page[:page_size], str(page[page_size - 1].pk) if has_more else None


def json_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a struct, with `type: object` at its root as MCP wants it."""
    root, components = _schema_parts(struct)
    nested = {name: part for name, part in components.items() if name != root}
    schema = dict(components[root])
    schema.pop("description", None)  # the docstring is for readers of the code
    return schema | ({"$defs": nested} if nested else {})


@cache
def _schema_parts(struct: type[msgspec.Struct]) -> tuple[str, dict[str, Any]]:
    (reference,), components = msgspec.json.schema_components(
        [struct], ref_template="#/$defs/{name}", schema_hook=_choices_schema
    )
    return reference["$ref"].removeprefix("#/$defs/"), components


def _choices_schema(type_: type) -> dict[str, Any]:
    """Return the schema of Django's choices, which msgspec reads and writes as the enums they are."""
    if issubclass(type_, TextChoices):
        return {"type": "string", "enum": list(type_.values)}
    raise NotImplementedError  # msgspec's word for "not mine": it then says which type has no schema


def _field_error(error: msgspec.ValidationError) -> FieldError:
    """Return msgspec's message (`Expected ... - at `$.a[0]``) as an item with a JSON pointer."""
    found = MISPLACED.fullmatch(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    pointer = "".join(f"/{part}" for part in re.split(r"[.\[\]]+", path) if part)
    for pattern, code, detail in (
        (UNKNOWN_FIELD, "unknown_field", "There is no such argument."),
        (MISSING_FIELD, "required", "This argument is required."),
    ):
        named = pattern.fullmatch(what)
        if named:
            return FieldError(detail, code=code, pointer=f"{pointer}/{named['name']}")
    return FieldError(f"{what}.", pointer=pointer)
