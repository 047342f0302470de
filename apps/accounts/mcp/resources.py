"""Rows by address: `sextant://<app>/<type>/<id>`, listed newest first, read as JSON."""

import base64
import binascii
import re
import uuid
from typing import Any, Final

import msgspec

from apps.accounts.mcp.messages import INVALID_PARAMS, RESOURCE_NOT_FOUND, JsonObject, RpcError
from apps.accounts.permissions import Actor
from apps.common.tools import Resource, find_resource, offered_resources

PAGE_SIZE: Final = 100
MEDIA_TYPE: Final = "application/json"
UUID_FORM: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ADDRESS: Final = re.compile(rf"sextant://([a-z]+)/([a-z_]+)/({UUID_FORM})")
POSITION: Final = re.compile(rf"([a-z]+)/([a-z_]+)/({UUID_FORM})")

Position = tuple[str, str, uuid.UUID]


def templates_for(actor: Actor) -> list[JsonObject]:
    """Return the types of resources that an actor may read."""
    return [
        {
            "uriTemplate": resource.template,
            "name": f"{resource.app}_{resource.type}",
            "title": resource.title,
            "description": resource.description,
            "mimeType": MEDIA_TYPE,
        }
        for resource in offered_resources(actor)
    ]


def list_page(actor: Actor, cursor: Any) -> JsonObject:
    """Return one page over all types, newest first within each. Issues a query per type; raises RpcError."""
    start = _position(cursor)
    page: list[JsonObject] = []
    last: Position | None = None
    for resource in offered_resources(actor):
        if not resource.is_listed or (start is not None and (resource.app, resource.type) < start[:2]):
            continue
        for row in _rows_after(resource, actor, start)[: PAGE_SIZE - len(page) + 1]:
            if len(page) == PAGE_SIZE:
                return {"resources": page, "nextCursor": _cursor(last)}
            page.append(_listed(resource, row))
            last = (resource.app, resource.type, row.pk)
    return {"resources": page}


def read(actor: Actor, address: Any, *, is_stateless: bool) -> JsonObject:
    """Return one row; raises RpcError, the same for an unknown, a forbidden and somebody else's row."""
    found = ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None:
        raise RpcError(INVALID_PARAMS, "A resource's uri reads sextant://<app>/<type>/<id>.")
    resource = find_resource(found[1], found[2])
    row = None
    if resource is not None and resource.is_offered_to(actor):
        row = resource.rows(actor).filter(pk=uuid.UUID(found[3])).first()
    if resource is None or row is None:
        code = INVALID_PARAMS if is_stateless else RESOURCE_NOT_FOUND
        raise RpcError(code, "There is no such resource here.", {"uri": address})
    text = msgspec.json.encode(resource.content_of(row)).decode()
    return {"contents": [{"uri": address, "mimeType": MEDIA_TYPE, "text": text}]}


def _rows_after(resource: Resource, actor: Actor, start: Position | None) -> Any:
    rows = resource.rows(actor).order_by("-pk")
    if start is not None and start[:2] == (resource.app, resource.type):
        return rows.filter(pk__lt=start[2])
    return rows


def _listed(resource: Resource, row: Any) -> JsonObject:
    return {
        "uri": resource.address_of(row.pk),
        "name": resource.name_of(row),
        "title": f"{resource.title}: {resource.name_of(row)}",
        "mimeType": MEDIA_TYPE,
    }


def _cursor(position: Position | None) -> str:
    text = "/".join(str(part) for part in position or ())
    return base64.urlsafe_b64encode(text.encode()).decode()


def _position(cursor: Any) -> Position | None:
    """Return where a page begins; raises RpcError for what this list did not give out."""
    if cursor is None:
        return None
    try:
        found = POSITION.fullmatch(base64.urlsafe_b64decode(cursor).decode())
    except (binascii.Error, UnicodeError, TypeError, ValueError):
        found = None
    if found is None:
        raise RpcError(INVALID_PARAMS, "The cursor is not one that this list gave out.")
    return found[1], found[2], uuid.UUID(found[3])
