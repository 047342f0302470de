"""The parameters of a StatHat request: from its query and its body alike, and the key among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from apps.common.errors import Malformed
from apps.metrics.doors.documents import check_parts, read_document

KEY_NAMES: Final = ("ezkey", "email", "ukey")
MAX_PARAMETERS: Final = 200


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a request says: `named` by query and form, `document` in a JSON body, if it has one."""

    named: Mapping[str, str]
    document: Mapping[str, Any] | None = field(default=None)


def read_parameters(query: str, body: bytes, content_type: str = "") -> Parameters:
    """Return the parameters of a request; those of the body win. Raises Malformed, TooLarge.

    Few clients label their bodies, so one that starts like a JSON object is one.
    """
    named = _pairs_of(query)
    if "json" in content_type.lower() or body.lstrip()[:1] == b"{":
        return Parameters(named, _document_of(body))
    try:
        return Parameters(named | _pairs_of(body.decode()))
    except UnicodeDecodeError as error:
        raise Malformed("The body is not valid UTF-8.") from error


def credential_of(path: str, parameters: Parameters) -> str | None:
    """Return the key of a request, None if it has none.

    `path` is the one below the door: `/x/<key>/...` carries it itself.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "x":
        return parts[1] if len(parts) > 1 and parts[1] else None
    document = parameters.document or {}
    found = (parameters.named.get(name) or document.get(name) for name in KEY_NAMES)
    return next((key for key in found if key and isinstance(key, str)), None)


def _document_of(body: bytes) -> Mapping[str, Any]:
    check_parts(body)
    document = read_document(body)
    if not isinstance(document, dict):
        raise Malformed("The body must be a JSON object.")
    return document


def _pairs_of(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            text.strip(), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except ValueError as error:
        raise Malformed("The parameters are not valid UTF-8, or too many.") from error
    return dict(pairs)
