"""Calls that send a file in pieces by tus 1.0.0."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from tests.datasets.stories import ROWS, csv
from tests.furniture.people import Person

URL = "/api/v1/datasets/uploads"
BYTES = "application/offset+octet-stream"
CONTENT = csv(*ROWS)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def _api(person: Person) -> Any:
    """Return the client loosely typed: its stubs take no bytes."""
    return person.api


def begin(
    person: Person,
    length: int | str = len(CONTENT),
    content: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Any:
    sent = {"Tus-Resumable": "1.0.0", "Upload-Length": str(length), **(headers or {})}
    kind = BYTES if content else "application/json"
    return _api(person).generic("POST", URL, content, content_type=kind, headers=sent)


def send(person: Person, address: str, offset: int, content: bytes, **headers: str) -> Any:
    sent = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset), **headers}
    return _api(person).generic("PATCH", address, content, content_type=BYTES, headers=sent)


def look(person: Person, address: str) -> Any:
    return person.api.head(address, headers={"Tus-Resumable": "1.0.0"})


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def uploaded(person: Person, content: bytes = CONTENT, name: str = "events.csv") -> str:
    """Send a file in one piece and return its id."""
    response = begin(person, len(content), content, {"Upload-Metadata": metadata(filename=name)})
    assert response.status_code == 201, response.content
    return str(response["Location"].rpartition("/")[2])
