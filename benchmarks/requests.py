"""One request through the whole chain, and how long a job waits for a worker.

The floor is an empty Django view on the same kind of server, asked over connections that are kept open, in
turn with ours. Promised in performance.md, section 4, and platform.md, Proof 16.
"""

import json
import math
import secrets
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from apps.accounts.models import ApiKey, Organization, Role
from apps.accounts.queries import resolve_member
from apps.accounts.services import create_api_key, create_first_admin, create_user
from apps.accounts.services.mails import send_mail
from apps.common.db import JobStatus
from apps.datasets.services import create_dataset
from benchmarks.results import Goal, Row
from benchmarks.stage import Server, Stage

TITLE = "Requests"
EMPTY = "empty view"
UNKNOWN = "unknown address"
EIGHT = 8
JOB_SECONDS = 60
UNLIMITED = json.dumps({"api": 10_000_000, "auth_login": 10_000_000, "auth_failed": 10_000_000})


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it goes over the wire, and whom it goes to."""

    server: Server
    raw: bytes
    status: int = 200

    @contextmanager
    def connected(self) -> Iterator[Callable[[], float]]:
        """Yield a function that sends the request and returns the seconds until its answer was there."""
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield lambda: self._once(connection)

    def _once(self, connection: socket.socket) -> float:
        started_s = time.perf_counter()
        connection.sendall(self.raw)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65_536)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        while len(body) < length:
            body += connection.recv(65_536)
        if int(head.split(b" ", 2)[1]) != self.status:
            raise RuntimeError(answer[:500].decode(errors="replace"))
        return time.perf_counter() - started_s


def run(stage: Stage) -> list[Row]:
    """Measure all rows."""
    server, path, key = prepare(stage)
    plain = Call(server, request("GET", path, f"X-API-Key: {key}"))
    empty = Call(stage.start_uvicorn("benchmarks.requests_empty:application"), request("GET", "/empty"))
    return [
        paired(stage, "plain authenticated GET of one object, one connection", plain, empty, one_by_one),
        paired(stage, "the same over 8 connections, per request", plain, empty, side_by_side),
        sign_in(stage, server),
        job_start(stage),
    ]


def prepare(stage: Stage) -> tuple[Server, str, str]:
    """Start the web process; return it with the path of a dataset and a key that may read it."""
    password = secrets.token_urlsafe()
    user = create_first_admin(email="bench@example.com", password=password, organization_name="Bench")
    organization = Organization.objects.get(name="Bench")
    ApiKey.objects.filter(organization=organization).delete()
    actor = resolve_member(user, requested=organization.slug)
    _, key = create_api_key(actor=actor, name="bench", role=Role.VIEWER, scopes=["datasets:read"])
    dataset = create_dataset(actor=actor, name=f"Bench {secrets.token_hex(4)}", zone="UTC")
    environ = {
        "LOG_FORMAT": "json",
        "RATE_LIMITS": UNLIMITED,
        "SEXTANT_ROLE": "web",
        "TRUSTED_PROXIES": "127.0.0.1/32",
    }
    server = stage.start_uvicorn("config.asgi:application", environ=environ)
    return server, f"/api/v1/datasets/{dataset.pk}", key


def request(method: str, path: str, *headers: str, body: str = "") -> bytes:
    """Return a request on a connection that stays open."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


def paired(stage: Stage, what: str, ours: Call, empty: Call, measure: Callable[[Call, int], float]) -> Row:
    """Measure ours and the floor in turn; one sample per round, in milliseconds."""
    count = 40 if stage.quick else 1_000
    samples: dict[Call, list[float]] = {ours: [], empty: []}
    for call in samples:
        measure(call, 20)  # warm
    for _ in range(max(stage.rounds, 5) if not stage.quick else 1):
        for call, kept in samples.items():
            kept.append(measure(call, count) * 1_000)
    stage.say(
        f"{what}: {statistics.median(samples[ours]):.2f} ms, empty {statistics.median(samples[empty]):.2f} ms"
    )
    return Row(what, "ms", samples[ours], {EMPTY: samples[empty]}, [Goal(EMPTY, at_most=2.0)])


def one_by_one(call: Call, count: int) -> float:
    """Return the median time of an answer, asking over one connection."""
    with call.connected() as once:
        return statistics.median(once() for _ in range(count))


def side_by_side(call: Call, count: int) -> float:
    """Return the time per answer, asking over 8 connections at once."""
    with ExitStack() as stack:
        sends = [stack.enter_context(call.connected()) for _ in range(EIGHT)]
        failed: list[BaseException] = []

        def repeat(once: Callable[[], float]) -> None:
            try:
                for _ in range(count // EIGHT):
                    once()
            except (OSError, RuntimeError) as error:
                failed.append(error)

        threads = [threading.Thread(target=repeat, args=(once,)) for once in sends]
        started_s = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return (time.perf_counter() - started_s) / (count // EIGHT * EIGHT)


def sign_in(stage: Stage, server: Server) -> Row:
    """Compare a wrong password of a known address with one of an unknown address.

    Each try comes from an address of its own, so that nobody is locked out.
    """
    tries = 3 if stage.quick else 40
    run = secrets.token_hex(4)
    for number in range(tries):
        create_user(
            email=f"known-{run}-{number}@example.com", name="Bench", password="a long enough passphrase"
        )
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(tries):
        for kind, kept in times.items():
            body = json.dumps({"email": f"{kind}-{run}-{number}@example.com", "password": "not the password"})
            origin = f"X-Forwarded-For: 10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{number}"
            raw = request("POST", "/api/v1/auth/login", origin, body=body)
            with Call(server, raw, status=401).connected() as ask:
                kept.append(ask() * 1_000)
    goals = [Goal(UNKNOWN, at_least=0.9), Goal(UNKNOWN, at_most=1.1)]
    return Row("sign-in with a wrong password", "ms", times["known"], {UNKNOWN: times["unknown"]}, goals)


def job_start(stage: Stage) -> Row:
    """Measure how long after its row a job runs: mails into files, one after the other, by an idle worker.

    Both instants are of the database's clock. Each sample is the 95th percentile of a round.
    """
    worker = stage.start_worker()
    wait_of_job()  # warm: the worker takes its first job when it is ready
    count = 10 if stage.quick else 100
    p95s_ms = []
    for _ in range(max(stage.rounds, 5) if not stage.quick else 1):
        waits_ms = sorted(wait_of_job() * 1_000 for _ in range(count))
        p95s_ms.append(waits_ms[math.ceil(0.95 * count) - 1])
        stage.say(
            f"enqueue -> job starts: median {statistics.median(waits_ms):.0f} ms, p95 {p95s_ms[-1]:.0f} ms"
        )
    stage.stop(worker)
    return Row("enqueue -> job starts on an idle worker, p95", "ms", p95s_ms, goals=[Goal(at_most=150)])


def wait_of_job() -> float:
    """Enqueue one job, wait until it is done, and return the seconds from its row to its start."""
    context = {"host": "localhost", "link": "http://localhost/", "reset": "http://localhost/"}
    mail = send_mail(to="bench@example.com", template="known_address", context=context)
    deadline_s = time.monotonic() + JOB_SECONDS
    while mail.status != JobStatus.SUCCEEDED:
        if mail.status == JobStatus.FAILED or time.monotonic() > deadline_s:
            raise RuntimeError(f"the job is {mail.status} {mail.error_detail}")
        time.sleep(0.02)
        mail.refresh_from_db()
    assert mail.started_at is not None
    return (mail.started_at - mail.queued_at).total_seconds()
