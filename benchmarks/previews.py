"""Previews: what a waiting device asks every few seconds, how soon its bytes come, how long judging takes.

The floor of the two requests is an empty Django view on the same kind of server, over 8 connections too. A
sample is the 95th percentile of a round. Promised in previews.md, section 10.
"""

import datetime as dt
import io
import json
import math
import random
import secrets
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.accounts.models import Organization, Role
from apps.accounts.services import add_member, create_user, purge_organization
from apps.common.archives import ArchiveLimits
from apps.previews.bundles import inspect_bundle
from apps.previews.models import Bundle, Session, Token
from apps.previews.states import SessionStatus, TokenKind
from apps.previews.storing import FOLDER
from apps.previews.tokens import new_public_id, new_token, stored_hash
from apps.projects.models import Project
from benchmarks.requests import EIGHT, EMPTY, request
from benchmarks.results import Goal, Row
from benchmarks.stage import Server, Stage

TITLE = "Previews"
DEVICE: Final = "a-device-that-measures-0001"
BUNDLE_BYTES: Final = 25 * 1024**2
ARCHIVE_BYTES: Final = 100 * 1024**2
ARCHIVE_FILES: Final = 5_000
UNLIMITED: Final = json.dumps(
    {"preview_resolve": {"ip": 100_000_000, "failures": 100_000_000}, "preview_failed": 100_000_000}
)


def run(stage: Stage) -> Sequence[Row]:
    """Measure on an organization of its own, which is removed afterwards."""
    with _shared(stage) as token:
        environ = {"SEXTANT_ROLE": "web", "RATE_LIMITS": UNLIMITED, "LOG_FORMAT": "json"}
        server = stage.start_uvicorn("config.asgi:application", environ=environ)
        empty = stage.start_uvicorn("benchmarks.requests_empty:application")
        bare = _asking(empty, request("GET", "/empty"))
        return [
            _row(stage, "resolve, p95 over 8 connections", _resolve(server, token), bare, 15),
            _row(stage, "grant and first byte of 25 MiB, the same", _fetch(server, token), bare, 40),
            _validation(stage),
        ]


@contextmanager
def _shared(stage: Stage) -> Iterator[str]:
    """Share a bundle of 25 MiB until the block ends; yields its token."""
    organization = Organization.objects.create(name="Benchmark", slug=f"bench-{secrets.token_hex(4)}")
    user = create_user(email=f"bench-{secrets.token_hex(4)}@example.com", name="Bench", password="a long one")
    add_member(organization=organization, user=user, role=Role.ADMIN)
    path = stage.folder / "bundle.zip"
    path.write_bytes(secrets.token_bytes(BUNDLE_BYTES))
    try:
        project = Project.objects.create(organization=organization, owner=user, name="Bench")
        with path.open("rb") as file:
            key = default_storage.save(f"{FOLDER}/{secrets.token_hex(16)}", File(file))
        yield _session(project, key)
    finally:
        path.unlink()
        purge_organization(organization)
        user.delete()


def _session(project: Project, key: str) -> str:
    """Make a session that is ready, with its bundle; return its token."""
    parts = {"organization": project.organization, "created_by": project.owner}
    expires_at = timezone.now() + dt.timedelta(hours=2)
    session = Session.objects.create(
        **parts, project=project, public_id=new_public_id(), platform="ios", expires_at=expires_at
    )
    bundle = Bundle.objects.create(
        **parts, session=session, revision=1, storage_key=key, sha256="0" * 64, size_bytes=BUNDLE_BYTES,
        status="succeeded",
    )  # fmt: skip
    session.status, session.revision, session.current_bundle = SessionStatus.READY, 1, bundle
    session.save()
    token = new_token()
    Token.objects.create(
        organization=project.organization, session=session, kind=TokenKind.OWNER, hash=stored_hash(token),
        prefix=token[:8], expires_at=expires_at,
    )  # fmt: skip
    return token


Ask = Callable[[socket.socket], object]


class Asking:
    """Something that is asked of a server, over a connection of its own each time it is opened."""

    def __init__(self, server: Server, ask: Ask) -> None:
        self.server = server
        self.ask = ask

    def repeat(self, count: int, times_s: list[float]) -> None:
        """Ask so often over one connection."""
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(count):
                started_s = time.perf_counter()
                self.ask(connection)
                times_s.append(time.perf_counter() - started_s)


def _asking(server: Server, raw: bytes) -> Asking:
    return Asking(server, lambda connection: _whole(connection, raw))


def _resolve(server: Server, token: str) -> Asking:
    return _asking(server, _as_holder("/api/v1/preview/resolve", token))


def _fetch(server: Server, token: str) -> Asking:
    """Ask for a grant, then for the bundle until its first byte is there; the rest is not read."""
    grants = _as_holder("/api/v1/preview/grants", token)

    def ask(connection: socket.socket) -> None:
        url = json.loads(_whole(connection, grants))["url"]
        raw = request("GET", "/" + url.split("/", 3)[3], "Connection: close")
        with socket.create_connection(("127.0.0.1", server.port)) as fetching:
            fetching.sendall(raw)
            answer = b""
            while not answer.partition(b"\r\n\r\n")[2]:
                answer += fetching.recv(65_536)
        _check(answer)

    return Asking(server, ask)


def _as_holder(path: str, token: str) -> bytes:
    body = json.dumps({"device_id": DEVICE})
    return request("POST", path, f"Authorization: Preview {token}", body=body)


def _whole(connection: socket.socket, raw: bytes) -> bytes:
    """Send a request and return the body of its answer."""
    connection.sendall(raw)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length:
        body += connection.recv(65_536)
    _check(answer)
    return body


def _check(answer: bytes) -> None:
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer[:500].decode(errors="replace"))


def _row(stage: Stage, what: str, ours: Asking, empty: Asking, limit_ms: float) -> Row:
    """Measure ours and the floor in turn."""
    count = 10 if stage.quick else 100
    samples: dict[Asking, list[float]] = {ours: [], empty: []}
    for asking in samples:
        _p95_ms(asking, 5)  # warm
    for _ in range(stage.rounds):
        for asking, kept in samples.items():
            kept.append(_p95_ms(asking, count))
    stage.say(f"{what}: {samples[ours][-1]:.1f} ms, empty {samples[empty][-1]:.1f} ms")
    return Row(what, "ms", samples[ours], {EMPTY: samples[empty]}, [Goal(at_most=limit_ms)])


def _p95_ms(asking: Asking, count: int) -> float:
    """Return the 95th percentile of what 8 connections take that ask side by side."""
    times_s: list[float] = []
    threads = [threading.Thread(target=asking.repeat, args=(count, times_s)) for _ in range(EIGHT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(times_s) != EIGHT * count:
        raise RuntimeError("a connection failed; its thread has said why")
    return sorted(times_s)[math.ceil(0.95 * len(times_s)) - 1] * 1_000


def _validation(stage: Stage) -> Row:
    """Judge an archive of 100 MiB with 5,000 files: names, sizes and checksums; it holds no list of files."""
    path = stage.folder / "archive.zip"
    _write_archive(path, 10 if stage.quick else 1)
    times_s = []
    try:
        for _ in range(stage.rounds):
            with path.open("rb") as file:
                started_s = time.perf_counter()
                inspect_bundle(file, platform="web", limits=ArchiveLimits(), beat=lambda _: None)
                times_s.append(time.perf_counter() - started_s)
    finally:
        path.unlink()
    stage.say(f"validation: {times_s[-1]:.2f} s")
    return Row("validation of 100 MiB in 5,000 files", "s", times_s, goals=[Goal(at_most=5)])


def _write_archive(path: Path, divisor: int) -> None:
    dice, files = random.Random(7), ARCHIVE_FILES // divisor
    # Half of it does not compress, so that what inflates is about one and a half times as large.
    piece = dice.randbytes(ARCHIVE_BYTES // divisor // files)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("index.html", "<h1>Bench</h1>")
        for number in range(files - 1):
            buffer = io.BytesIO(piece[number % 97 :] + piece[: number % 97] + b"x" * (len(piece) // 2))
            archive.writestr(f"assets/{number:05}.bin", buffer.getvalue())
