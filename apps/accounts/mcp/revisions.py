"""The two eras of the protocol: which revision a message follows, and whether its headers agree with it."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from apps.accounts.mcp.messages import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    UNSUPPORTED_REVISION,
    Message,
    RpcError,
)

STATELESS: Final = "2026-07-28"
HANDSHAKE: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
SUPPORTED: Final = (STATELESS, *HANDSHAKE)
# The first revision with this transport, which had no header to say so.
WITHOUT_HEADER: Final = "2025-03-26"

PREFIX: Final = "io.modelcontextprotocol/"
REVISION_KEY: Final = f"{PREFIX}protocolVersion"
CAPABILITIES_KEY: Final = f"{PREFIX}clientCapabilities"
SERVER_KEY: Final = f"{PREFIX}serverInfo"

REVISION_HEADER: Final = "MCP-Protocol-Version"
METHOD_HEADER: Final = "Mcp-Method"
NAME_HEADER: Final = "Mcp-Name"
# Methods whose target stands in a header, too, and under which parameter it stands in the body.
NAMED_BY: Final = {"tools/call": "name", "resources/read": "uri", "prompts/get": "name"}
ENCODED: Final = re.compile(r"=\?base64\?(?P<payload>.*)\?=")


def revision_of(message: Message, headers: Mapping[str, str]) -> str:
    """Return the revision that a message follows, its headers checked where the revision has any.

    Raises RpcError: -32020 where headers and body disagree, -32022 for a revision that is not spoken, -32602
    for a request of the stateless era without what `_meta` must hold.
    """
    stated = headers.get(REVISION_HEADER)
    if _is_of_handshake_era(message, stated):
        return stated or WITHOUT_HEADER
    if message.is_response:
        raise RpcError(INVALID_REQUEST, "Nothing was asked here that this could answer.")
    if message.is_request:
        _check_meta(message, stated)
        _check_headers(message, headers)
    revision = str(_meta_of(message).get(REVISION_KEY, stated))
    if revision != STATELESS:
        raise unsupported(revision)
    return revision


def negotiated(requested: Any) -> str:
    """Return the revision that `initialize` settles on: the client's, else the newest with a handshake."""
    return requested if requested in HANDSHAKE else HANDSHAKE[0]


def unsupported(requested: str) -> RpcError:
    """Return the error that names the revisions spoken here."""
    data = {"supported": list(SUPPORTED), "requested": requested}
    return RpcError(UNSUPPORTED_REVISION, "This revision of the protocol is not spoken here.", data)


def decoded(value: str) -> str | None:
    """Return a header's text, out of base64 if it is wrapped in it; None if the wrapping is broken."""
    found = ENCODED.fullmatch(value)
    if not found:
        return value
    try:
        raw = base64.b64decode(found["payload"], validate=True)
        # Two encodings of one text would let a proxy and this server see different names.
        return raw.decode() if base64.b64encode(raw).decode() == found["payload"] else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _is_of_handshake_era(message: Message, stated: str | None) -> bool:
    if REVISION_KEY in _meta_of(message):
        return False
    return stated is None or stated in HANDSHAKE or message.method == "initialize"


def _meta_of(message: Message) -> Mapping[str, Any]:
    meta = message.params.get("_meta")
    return meta if isinstance(meta, dict) else {}


def _check_meta(message: Message, stated: str | None) -> None:
    meta = _meta_of(message)
    if stated != STATELESS and REVISION_KEY not in meta:
        raise unsupported(str(stated))
    missing = [key for key in (REVISION_KEY, CAPABILITIES_KEY) if key not in meta]
    if missing:
        raise RpcError(INVALID_PARAMS, f"params._meta lacks {' and '.join(missing)}.")
    if not isinstance(meta[REVISION_KEY], str) or not isinstance(meta[CAPABILITIES_KEY], dict):
        raise RpcError(
            INVALID_PARAMS, "params._meta holds a revision that is a text, and capabilities as an object."
        )


def _check_headers(message: Message, headers: Mapping[str, str]) -> None:
    """Compare what proxies route by with what is done; a repeated header arrives joined and never matches."""
    _check_header(REVISION_HEADER, headers.get(REVISION_HEADER), _meta_of(message)[REVISION_KEY])
    _check_header(METHOD_HEADER, headers.get(METHOD_HEADER), message.method)
    target = message.params.get(NAMED_BY.get(message.method, ""))
    if isinstance(target, str):
        sent = headers.get(NAME_HEADER)
        _check_header(NAME_HEADER, None if sent is None else decoded(sent), target)


def _check_header(name: str, sent: str | None, expected: str) -> None:
    if sent != expected:
        raise RpcError(
            HEADER_MISMATCH, f"The header {name} is missing, or differs from the body of the request."
        )
