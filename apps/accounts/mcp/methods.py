"""The methods of both eras, and what is put around their results."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from apps.accounts.authentication import Credentials
from apps.accounts.mcp import resources
from apps.accounts.mcp.calls import call_tool
from apps.accounts.mcp.messages import INVALID_PARAMS, METHOD_NOT_FOUND, JsonObject, Message, RpcError
from apps.accounts.mcp.revisions import SERVER_KEY, STATELESS, SUPPORTED, negotiated
from apps.accounts.permissions import Actor
from apps.common.tools import Tool, offered_tools

HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000
CAPABILITIES: Final = {
    "tools": {"listChanged": False},
    "resources": {"listChanged": False, "subscribe": False},
}
INSTRUCTIONS: Final = (
    "Sextant keeps a team's operational data. Everything you see belongs to one organization and is cut to "
    "what you may do: accounts_whoami tells both. Times are UTC. Lists are paged: pass next_cursor back as "
    "cursor. An error is a problem object: `code` says what is wrong, `errors` where. Tools that write take "
    "an idempotency_key: repeat a call whose answer was lost with the same key. What takes long returns a "
    "job; follow it with jobs_get."
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, in which organization, by which revision."""

    credentials: Credentials
    actor: Actor
    revision: str


@dataclass(frozen=True, slots=True)
class Method:
    """One method; `cached_ms` is how long a client may keep its result, None if that is not said at all."""

    answer: Callable[[Caller, JsonObject], JsonObject]
    cached_ms: int | None = None


def dispatch(caller: Caller, message: Message) -> JsonObject:
    """Return the result of a request; raises RpcError."""
    is_stateless = caller.revision == STATELESS
    method = (STATELESS_METHODS if is_stateless else HANDSHAKE_METHODS).get(message.method)
    if method is None:
        raise RpcError(METHOD_NOT_FOUND, f"There is no method {message.method[:100]} here.")
    result = method.answer(caller, message.params)
    return _complete(result, method.cached_ms) if is_stateless else result


def _complete(result: JsonObject, cached_ms: int | None) -> JsonObject:
    """Return a result with what the stateless era wants on each."""
    meta = result.get("_meta", {}) | {SERVER_KEY: _server()}
    # Private: what a caller may do and see is nobody else's.
    kept = {} if cached_ms is None else {"ttlMs": cached_ms, "cacheScope": "private"}
    return {"resultType": "complete", **result, **kept, "_meta": meta}


def _server() -> JsonObject:
    return {"name": "sextant", "title": "Sextant", "version": settings.RELEASE}


def _initialize(_caller: Caller, params: JsonObject) -> JsonObject:
    return {
        "protocolVersion": negotiated(params.get("protocolVersion")),
        "capabilities": CAPABILITIES,
        "serverInfo": _server(),
        "instructions": INSTRUCTIONS,
    }


def _discover(_caller: Caller, _params: JsonObject) -> JsonObject:
    return {"supportedVersions": list(SUPPORTED), "capabilities": CAPABILITIES, "instructions": INSTRUCTIONS}


def _ping(_caller: Caller, _params: JsonObject) -> JsonObject:
    return {}


def _list_tools(caller: Caller, params: JsonObject) -> JsonObject:
    _refuse_cursor(params)
    return {"tools": [_described(tool) for tool in offered_tools(caller.actor)]}


def _described(tool: Tool[Any]) -> JsonObject:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": tool.hints,
    }


def _call_tool(caller: Caller, params: JsonObject) -> JsonObject:
    return call_tool(caller.credentials, caller.actor, params)


def _list_templates(caller: Caller, params: JsonObject) -> JsonObject:
    _refuse_cursor(params)
    return {"resourceTemplates": resources.templates_for(caller.actor)}


def _list_resources(caller: Caller, params: JsonObject) -> JsonObject:
    return resources.list_page(caller.actor, params.get("cursor"))


def _read_resource(caller: Caller, params: JsonObject) -> JsonObject:
    return resources.read(caller.actor, params.get("uri"), is_stateless=caller.revision == STATELESS)


def _refuse_cursor(params: JsonObject) -> None:
    """Refuse a cursor of a list that always fits on one page."""
    if params.get("cursor") is not None:
        raise RpcError(INVALID_PARAMS, "The cursor is not one that this list gave out.")


SHARED_METHODS: Final = {
    "tools/list": Method(_list_tools, MINUTE_MS),
    "tools/call": Method(_call_tool),
    "resources/list": Method(_list_resources, 0),
    "resources/templates/list": Method(_list_templates, MINUTE_MS),
    "resources/read": Method(_read_resource, 0),
}
STATELESS_METHODS: Final = SHARED_METHODS | {"server/discover": Method(_discover, HOUR_MS)}
HANDSHAKE_METHODS: Final = SHARED_METHODS | {"initialize": Method(_initialize), "ping": Method(_ping)}
