"""Reading a request strictly: JSON and multipart parsers, checks of the query."""

import hashlib
import io
import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest
from rest_framework.parsers import BaseParser, DataAndFiles, MultiPartParser
from rest_framework.request import Request

from apps.common.errors import Malformed, TooLarge

JSON_MAX_BYTES = 1024 * 1024
JSON_MAX_DEPTH = 32
FORM_MAX_FIELDS = 200
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
KEY_PARAMETERS = frozenset({"api_key", "key", "token", "access_token"})


class KeyInQuery(Malformed):
    """Credentials must not stand in the address.

    Addresses end up in logs and histories. Send the key as `Authorization: Bearer` or `X-API-Key`.
    """

    code = "auth.key_in_query"


class ApiRequest(Request):
    """A DRF request with what our authentication and parsers add to it.

    `actor` is `accounts.permissions.Actor`; typed loosely because common knows no app.
    `body_sha256` identifies the body that a parser has read.
    """

    actor: Any
    body_sha256: bytes = b""


def check_query(request: HttpRequest) -> None:
    """Refuse credentials, NUL and what is not UTF-8 in the query; raises KeyInQuery, Malformed."""
    try:
        unquote_to_bytes(request.META.get("QUERY_STRING", "")).decode()
    except UnicodeDecodeError as error:
        raise Malformed("The query is not valid UTF-8.") from error
    found = KEY_PARAMETERS & request.GET.keys()
    if found:
        raise KeyInQuery(f"Remove {sorted(found)[0]} from the address and send it as a header.")
    if any("\0" in text for name, values in request.GET.lists() for text in (name, *values)):
        raise Malformed("The query contains a NUL character.")


def measure_chunked(request: HttpRequest) -> None:
    """Give a body that came in chunks its length, which the ASGI server has counted by spooling it.

    Without a stated length DRF and Django's form parser take the body for empty.
    """
    stream = getattr(request, "_stream", None)
    if "CONTENT_LENGTH" in request.META or "HTTP_TRANSFER_ENCODING" not in request.META or stream is None:
        return
    request.META["CONTENT_LENGTH"] = str(stream.seek(0, io.SEEK_END))
    stream.seek(0)


def parse_json(raw: bytes) -> Any:
    """Return the value of a JSON document; raises Malformed.

    Refused beyond the grammar: duplicate keys, NaN, Infinity, numbers that overflow, NUL, lone surrogates,
    nesting over 32. Python's own reader takes all of these.
    """
    try:
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=refuse_constant,
            parse_float=_finite_float,
        )
        check_value(value, 1)
    except RecursionError as error:
        raise Malformed(f"The JSON is nested deeper than {JSON_MAX_DEPTH} levels.") from error
    except ValueError as error:
        raise Malformed(f"The body is not valid JSON: {error}") from error
    return value


def read_capped(stream: IO[bytes], limit: int) -> bytes:
    """Return the whole stream; raises TooLarge at one byte over `limit`, whatever length was declared."""
    raw = stream.read(limit + 1)
    if len(raw) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes.")
    return raw


class StrictJSONParser(BaseParser):
    """`application/json`, read with a cap and without Python's leniencies."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the document, which must be an object; raises Malformed, TooLarge."""
        raw = read_capped(stream, JSON_MAX_BYTES)
        if parser_context:
            parser_context["request"].body_sha256 = hashlib.sha256(raw).digest()
        value = parse_json(raw)
        if not isinstance(value, dict):
            raise Malformed("The body must be a JSON object.")
        return value


class StrictMultiPartParser(MultiPartParser):
    """`multipart/form-data`; its identity is that of its fields and of its files' digests, in order."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        """Return fields and files; the upload handlers have streamed each file to the storage."""
        parts = super().parse(stream, media_type, parser_context)
        if sum(len(values) for _name, values in parts.data.lists()) > FORM_MAX_FIELDS:
            raise TooLarge(f"The form has more than {FORM_MAX_FIELDS} fields.")
        if any("\0" in text for name, values in parts.data.lists() for text in (name, *values)):
            raise Malformed("A form field contains a NUL character.")
        if parser_context:
            parser_context["request"].body_sha256 = _parts_digest(parts)
        return parts


def _parts_digest(parts: "DataAndFiles[Any, Any]") -> bytes:
    fields = [[name, values] for name, values in parts.data.lists()]
    files = [
        [name, file.name, file.size, _file_sha256(file)]
        for name, values in parts.files.lists()
        for file in values
    ]
    return hashlib.sha256(json.dumps([fields, files]).encode()).digest()


def _file_sha256(file: Any) -> str:
    """Return the digest the upload handler took while streaming, else take it now."""
    digest = getattr(file, "sha256", None)
    if isinstance(digest, bytes):
        return digest.hex()
    if isinstance(digest, str):
        return digest
    file.seek(0)
    taken = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return taken


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def refuse_constant(name: str) -> NoReturn:
    """Raise ValueError for NaN and the infinities, which Python\'s reader takes."""
    raise ValueError(f"{name} is not a JSON number")


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def check_value(value: Any, depth: int) -> None:
    """Raise ValueError for what JSON may hold and we do not: NUL, half a surrogate pair, too many levels.

    `depth` is the level at which `value` stands. The recursion ends at the limit, so it cannot overflow.
    """
    if isinstance(value, str):
        _check_text(value)
        return
    if not isinstance(value, dict | list):
        return
    if depth > JSON_MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {JSON_MAX_DEPTH} levels")
    for child in value if isinstance(value, list) else (*value, *value.values()):
        check_value(child, depth + 1)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("a text contains NUL")
    if LONE_SURROGATE.search(text):
        raise ValueError("a text contains half of a surrogate pair")
