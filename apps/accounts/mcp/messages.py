"""JSON-RPC 2.0 as MCP narrows it: parameters are an object, ids are texts or integers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_REVISION: Final = -32022
RESOURCE_NOT_FOUND: Final = -32002  # until 2025-11-25; retired since

JsonObject = dict[str, Any]
RequestId = str | int


class RpcError(Exception):
    """The message cannot be answered with a result."""

    def __init__(self, code: int, message: str, data: JsonObject | None = None) -> None:
        self.code = code
        self.message = message
        self.data = data
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or without id a notification, or without method a response, which nobody asked for."""

    method: str = ""
    params: JsonObject = field(default_factory=dict)
    id: RequestId | None = None

    @property
    def is_request(self) -> bool:
        """Tell whether an answer is owed."""
        return self.id is not None

    @property
    def is_response(self) -> bool:
        """Tell whether it answers something."""
        return not self.method


def id_of(value: Any) -> RequestId | None:
    """Return the id of what may be a request, None if it has none that can be repeated in an answer."""
    found = value.get("id") if isinstance(value, Mapping) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def read_message(value: Any) -> Message:
    """Return a decoded message; raises RpcError."""
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'A message is a JSON object with "jsonrpc": "2.0".')
    if "method" not in value and ("result" in value or "error" in value):
        return Message()
    method = value.get("method")
    if not isinstance(method, str) or not method:
        raise RpcError(INVALID_REQUEST, "The method of a message is a text.")
    request_id = id_of(value)
    if "id" in value and request_id is None:
        raise RpcError(INVALID_REQUEST, "The id of a request is a text or an integer.")
    params = value.get("params", {})
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "The params of a message are an object.")
    return Message(method, params, request_id)


def result_of(request_id: RequestId, result: JsonObject) -> JsonObject:
    """Return the response that carries a result."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_of(request_id: RequestId | None, error: RpcError) -> JsonObject:
    """Return the response that carries an error; the id is null where the request's cannot be read."""
    body: JsonObject = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": request_id, "error": body}
