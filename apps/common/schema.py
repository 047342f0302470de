"""The OpenAPI document: what every call has in common is added here, so that no view repeats it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiParameter

from apps.common.filters import SEARCH_MAX_LENGTH
from apps.common.problems import MEDIA_TYPE
from apps.common.viewsets import STANDARD_ACTIONS, UNSAFE_METHODS, ResourceViewSet

PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem. `code` is stable; `detail` is for people.",
    "required": ["type", "title", "status", "detail", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string", "description": "Query parameter."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}
STATUSES_OF_ALL = {
    "400": "Malformed request.",
    "401": "Not signed in, or with something that is not valid.",
    "403": "Not allowed.",
    "406": "No such format.",
    "413": "The body or the headers are too large.",
    "414": "The address is too long.",
    "422": "Invalid values.",
    "429": "Too many requests; wait for the time that Retry-After states.",
    "500": "Our fault.",
    "503": "A part is unavailable; try again after the time that Retry-After states.",
}
STATUSES_OF_SIGNED_IN = {
    "404": "Not there, or not yours.",
    "409": "Wrong state or duplicate.",
}
STATUSES_OF_UNSAFE = {
    "408": "The body did not arrive in time.",
    "415": "No such media type.",
}
STATUS_OF_IF_MATCH = {"412": "Changed since it was read."}
PROBLEM_STATUSES = STATUSES_OF_ALL | STATUSES_OF_SIGNED_IN | STATUSES_OF_UNSAFE | STATUS_OF_IF_MATCH
HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "X-Request-Id": (
        "The id under which the request is logged: the caller's own if it is well formed.",
        {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
    ),
    "RateLimit": ('What is left now, and in how many seconds there is more: `"api";r=239;t=1`.', {}),
    "RateLimit-Policy": ('The quota and its window in seconds: `"api";q=240;w=60`.', {}),
    "Retry-After": ("How many seconds to wait.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("How to sign in.", {}),
    "ETag": ("Strong tag of this representation, for If-None-Match and If-Match.", {}),
    "Location": ("Address of what was made.", {"type": "string", "format": "uri-reference"}),
    "Idempotency-Replayed": ("`true` on an answer that is given again.", {}),
}
HEADERS_OF_ALL = ("X-Request-Id", "RateLimit", "RateLimit-Policy")
HEADERS_OF_PROBLEM = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}
# White space around a header's value is not part of it.
PRINTABLE_KEY = "^[!-~]([ -~]{0,253}[!-~])?$"
# What the body of a standard action is checked by.
BODY_OF = {"create": "in_serializer_class", "partial_update": "patch_serializer_class"}


class ApiSchema(AutoSchema):
    """Describes a `ResourceViewSet`: its query serializer, and headers that the base reads."""

    def get_override_parameters(self) -> list[Any]:
        """Return the query serializer's fields and the common headers."""
        view = self.view
        found: list[Any] = []
        if not isinstance(view, ResourceViewSet):
            return found
        query = view.query_serializer_classes.get(view.action)
        if query is not None:
            found.append(query)
        if view.action in STANDARD_ACTIONS and view.action != "destroy":
            found.append(OpenApiParameter("fields", str, description="Answer only with these: `a,b.c`."))
        if view.action == "list" and view.search_fields:
            named = ", ".join(view.search_fields)
            schema = {"type": "string", "maxLength": SEARCH_MAX_LENGTH}
            found.append(OpenApiParameter("search", schema, description=f"Text to find in {named}."))
        return [*found, *self._headers(view)]

    def get_request_serializer(self) -> Any:
        """Return what a standard action reads; the serializer class is what it answers with."""
        view = self.view
        if isinstance(view, ResourceViewSet) and view.action in BODY_OF:
            return getattr(view, BODY_OF[view.action])
        return super().get_request_serializer()

    def get_filter_backends(self) -> list[Any]:
        """Return the filters of a list; an action that answers with several rows has none."""
        return super().get_filter_backends() if self._is_list() else []

    def _get_paginator(self) -> Any:
        return super()._get_paginator() if self._is_list() else None  # type: ignore[no-untyped-call]

    def _is_list(self) -> bool:
        return getattr(self.view, "action", "") == "list"

    def get_operation_id(self) -> str:
        """Name a call by its path and action, so that two calls of one path family never collide."""
        parts = self.path.removeprefix("/api/v1/").replace("-", "_").split("/")
        words = [part for part in parts if "{" not in part]
        view: Any = self.view
        action: str = view.action
        if words[-1] != action:
            words.append(action)
        # DRF adds `head` to the map with the first request; names must not depend on what came before.
        methods = [method for method, name in view.action_map.items() if name == action and method != "head"]
        if len(methods) > 1:
            words.append(self.method.lower())
        return "_".join(words)

    def get_tags(self) -> list[str]:
        """Group calls by the first part of their path."""
        return [self.path.removeprefix("/api/v1/").partition("/")[0]]

    def _headers(self, view: ResourceViewSet[Any]) -> list[OpenApiParameter]:
        found = []
        if not view.is_public and view.needs_organization:
            found.append(_header("X-Organization", "Id or short name of the organization to act in."))
        if self.method in UNSAFE_METHODS and view.remembers_answers and not view.is_public:
            text = "1 to 255 printable ASCII characters; one effect per key for 24 h."
            found.append(_header("Idempotency-Key", text, {"type": "string", "pattern": PRINTABLE_KEY}))
        if view.action in {"partial_update", "destroy"}:
            found.append(_header("If-Match", "ETag of the state the change is meant for."))
        if self.method == "GET":
            found.append(_header("If-None-Match", "ETag of the copy the caller holds."))
        return found


def _header(name: str, description: str, schema: Any = str) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=description)


class StrictObject(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Says of every strict input that it takes no other field."""

    target_class = "apps.common.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the serializer's own schema, closed."""
        plain = auto_schema._map_serializer  # noqa: SLF001 - the documented way to extend it
        schema: dict[str, Any] = plain(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]
        return schema | {"additionalProperties": False}


class ActorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The three ways to sign a call in."""

    target_class = "apps.accounts.authentication.ActorAuthentication"
    name = ["bearer", "apiKey", "pageCookie"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        """Return one definition per name."""
        return [
            {"type": "http", "scheme": "bearer", "description": "An access token or an API key."},
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "The same, for clients without Bearer.",
            },
            {
                "type": "apiKey",
                "in": "cookie",
                "name": "sx_session",
                "description": "The page's own calls; with X-CSRFToken.",
            },
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[str]]]:
        """Return the alternatives."""
        return [{name: []} for name in self.name]


def add_problems(
    result: dict[str, Any], generator: Any, request: HttpRequest | None, public: bool
) -> dict[str, Any]:
    """Declare the problems and headers of every operation; drf-spectacular's postprocessing hook."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = dict(PROBLEM)
    components["headers"] = {
        name: {"description": text, "schema": dict(schema) or {"type": "string"}}
        for name, (text, schema) in HEADERS.items()
    }
    components["responses"] = {
        f"Problem{status}": _problem(status, text) for status, text in sorted(PROBLEM_STATUSES.items())
    }
    for path in result["paths"].values():
        for method, operation in path.items():
            if method in {"get", "put", "post", "patch", "delete", "head"}:
                _complete(operation, is_unsafe=method not in {"get", "head"})
    return result


def _problem(status: str, description: str) -> dict[str, Any]:
    """Return one problem as it is named among the components, so that no operation repeats it."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "headers": _references((*HEADERS_OF_ALL, *HEADERS_OF_PROBLEM.get(status, ()))),
    }


def _complete(operation: dict[str, Any], *, is_unsafe: bool) -> None:
    """Add to an operation what every one of its kind may answer."""
    responses = operation["responses"]
    sent = {item.get("name") for item in operation.get("parameters", [])}
    headers = [*HEADERS_OF_ALL, *(["Idempotency-Replayed"] if "Idempotency-Key" in sent else [])]
    if "If-None-Match" in sent:
        headers.append("ETag")
        responses.setdefault("304", {"description": "The caller's copy is good."})
    for status, response in responses.items():
        named = [*headers, "Location"] if status in {"201", "202"} else headers
        response.setdefault("headers", {}).update(_references(named))
    for status in _problems_of(operation, is_unsafe=is_unsafe, takes_if_match="If-Match" in sent):
        responses.setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})


def _problems_of(operation: dict[str, Any], *, is_unsafe: bool, takes_if_match: bool) -> list[str]:
    wanted = set(STATUSES_OF_ALL)
    if operation.get("security"):
        wanted |= STATUSES_OF_SIGNED_IN.keys()
    if any(item["in"] == "path" for item in operation.get("parameters", [])):
        wanted.add("404")
    if is_unsafe:
        wanted |= STATUSES_OF_UNSAFE.keys()
    if takes_if_match:
        wanted |= STATUS_OF_IF_MATCH.keys()
    return sorted(wanted)


def _references(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
