"""The OpenAPI document: what every call has in common is added here, so that no view repeats it."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

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
    "406": "No such format.",
    "422": "Invalid values.",
    "500": "Our fault.",
    "503": "A part is unavailable.",
}
STATUSES_OF_SIGNED_IN = {
    "401": "Not signed in.",
    "403": "Not allowed.",
    "404": "Not there, or not yours.",
    "409": "Wrong state or duplicate.",
}
STATUSES_OF_UNSAFE = {
    "408": "The body did not arrive in time.",
    "413": "The body is too large.",
    "415": "No such media type.",
}
API_KEY_HEADER = {"type": "apiKey", "in": "header", "name": "X-API-Key"}


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
            found.append(OpenApiParameter("search", str, description=f"Text to find in {named}."))
        return [*found, *self._headers(view)]

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
        names = {}
        if not view.is_public and view.needs_organization:
            names["X-Organization"] = "Id or short name of the organization to act in."
        if self.method in UNSAFE_METHODS and not view.is_public:
            names["Idempotency-Key"] = "1 to 255 printable ASCII characters; one effect per key for 24 h."
        if view.action in {"partial_update", "destroy"}:
            names["If-Match"] = "ETag of the state the change is meant for."
        if self.method == "GET":
            names["If-None-Match"] = "ETag of the copy the caller holds."
        return [
            OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text)
            for name, text in names.items()
        ]


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
    """Declare the problems of every operation; drf-spectacular's postprocessing hook."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = dict(PROBLEM)
    for path in result["paths"].values():
        for method, operation in path.items():
            if method in {"get", "put", "post", "patch", "delete", "head"}:
                _add_problems(operation, is_unsafe=method not in {"get", "head"})
    return result


def _add_problems(operation: dict[str, Any], *, is_unsafe: bool) -> None:
    responses = operation["responses"]
    wanted = dict(STATUSES_OF_ALL)
    if operation.get("security") != []:
        wanted |= STATUSES_OF_SIGNED_IN
    if is_unsafe:
        wanted |= STATUSES_OF_UNSAFE
    if any(item.get("name") == "If-Match" for item in operation.get("parameters", [])):
        wanted["412"] = "Changed since it was read."
    if any(item.get("name") == "If-None-Match" for item in operation.get("parameters", [])):
        responses.setdefault("304", {"description": "The caller's copy is good."})
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, description in wanted.items():
        responses.setdefault(status, {"description": description, "content": content})
