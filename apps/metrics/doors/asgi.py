"""The sanctioned shortcut: sending points is answered here, before Django's middleware.

The chain costs about ten times the work of a single point (benchmarks/metrics.py, "one point per request"),
so a request at a door passes only what it needs: size, sign-in, permission, parser, quota, one commit.
Sign-in, limits, services and problems are the platform's own. Every step is shared by the requests that wait
for it: see `rounds`. What carries no key or token in its header goes on to Django, where pages send by their
cookie.
"""

import asyncio
import datetime as dt
import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from apps.common import idempotency, throttles
from apps.common.addresses import caller_of
from apps.common.errors import DomainError, Unauthenticated, Unavailable
from apps.common.idempotency import Answer, RequestKey
from apps.common.problems import ServerError
from apps.common.read_only import ReadOnly
from apps.common.request_limits import announces_body
from apps.common.throttles.gcra import Decision
from apps.metrics.doors import measuring
from apps.metrics.doors.door import Door, Sending
from apps.metrics.doors.gate import Admission, Visitor, admit_all
from apps.metrics.doors.requests import (
    ClientGone,
    DoorRequest,
    Receive,
    Response,
    Scope,
    Send,
    Waiting,
    merged_headers,
    read_body,
    respond,
)
from apps.metrics.doors.rounds import Rounds
from apps.metrics.recording import Recorded, Submission, after_commit, write_group
from apps.metrics.recording.pressure import refuse_overload
from apps.metrics.recording.writing import Outcome

GROUP_REQUESTS: Final = 256
GROUP_POINTS: Final = 100_000
WRITER_THREADS: Final = 4
PARSER_THREADS: Final = 2
READER_THREADS: Final = 4
# Answers to an Idempotency-Key: as long as a point may be late, and a day.
KEPT_FOR: Final = dt.timedelta(days=8)

ResultT = TypeVar("ResultT")
Application = Callable[[Any, Any, Any], Awaitable[None]]

logger = structlog.get_logger(__name__)


class MetricDoors:
    """An ASGI application around another one, which gets what is for no door."""

    def __init__(self, application: Application, doors: Sequence[Door]) -> None:
        self._application = application
        self._doors = doors
        self._waiting = Waiting()
        # Apart, so that neither a slow answer nor a long body keeps others from being let in, read or stored.
        self._gate_thread = ThreadPoolExecutor(1, thread_name_prefix="gate")
        self._parser_threads = ThreadPoolExecutor(PARSER_THREADS, thread_name_prefix="parse")
        self._reader_threads = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="read")
        self._writer_threads = ThreadPoolExecutor(WRITER_THREADS, thread_name_prefix="points")
        self._gate: Rounds[Visitor, Admission] = Rounds(self._admit, items_max=GROUP_REQUESTS)
        self._writers: dict[uuid.UUID, Rounds[Submission, Recorded]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request at a door, pass all others on."""
        if scope["type"] == "http":
            for door in self._doors:
                if door.serves(scope):
                    await self._serve(door, scope, receive, send)
                    return
        await self._application(scope, receive, send)

    async def _serve(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request_of(scope)
        started_s = time.perf_counter()
        try:
            response = await self._answered(door, request, scope, receive)
        except ClientGone:
            return
        except DomainError as error:
            response = door.refuse(request, error)
            measuring.count_refusal(door.name, error.code)
            _log_refusal(door, request, response.status, error.code)
        except Exception:  # the boundary of a door: whatever it was, the client is told and the log has it
            logger.exception("door.failed", door=door.name, request_id=request.request_id)
            response = door.refuse(request, ServerError())
            measuring.count_refusal(door.name, ServerError.code)
        finally:
            self._waiting.give(request.notes.pop("held_bytes", 0))
        await respond(send, response, _common_headers(request))
        measuring.note_request(door.name, response.status, time.perf_counter() - started_s)

    async def _answered(self, door: Door, request: DoorRequest, scope: Scope, receive: Receive) -> Response:
        """Return the answer; raises DomainError."""
        if settings.MAINTENANCE_READ_ONLY and door.is_sending(request):
            raise ReadOnly
        opened = door.open_answer(request)
        if opened is not None:
            return opened
        admission = None
        if (credential := door.credential(request)) is not None:
            # Before the body: who may not send makes nobody hold eight megabytes for them.
            admission = await self._let_in(door, request, credential)
        request.body = await read_body(scope, receive, self._waiting)
        request.notes |= {"held_bytes": len(request.body), "is_read": True}
        if admission is None:
            credential = await self._parsed(door, request, door.credential, request)
            admission = await self._let_in(door, request, credential or "")
        if not door.is_sending(request):
            return await _in_thread(self._reader_threads, door.read, request, admission)
        return await self._store(door, request, admission)

    async def _store(self, door: Door, request: DoorRequest, admission: Admission) -> Response:
        sending = await self._parsed(door, request, door.parse, request, admission)
        if admission.caller.points_per_minute is not None:
            points = len(sending.parsed.batch)
            request.notes["decision"] = await throttles.take_for_async(
                admission.caller, "points", 0, points=points
            )
        submission = _submission(door, request, admission, sending)
        request.notes["actor_key"] = admission.actor.key
        key = request.header(b"idempotency-key")
        if key and door.takes_keys:
            return await _in_thread(self._writer_threads, _store_once, request, submission, sending, key)
        organization_id = admission.actor.organization.pk
        writer = self._writers.get(organization_id)
        if writer is None:
            writer = self._writers[organization_id] = self._new_writer()
        recorded = await writer.call(submission)
        measuring.count_items(door.name, recorded)
        return sending.answer(recorded)

    async def _let_in(self, door: Door, request: DoorRequest, credential: str) -> Admission:
        visitor = Visitor(
            credential,
            request.ip,
            request.header(b"x-organization"),
            door.permission(request),
            "points" if door.is_sending(request) else "api",
        )
        try:
            admission = await self._gate.call(visitor)
        except Unauthenticated:
            await throttles.take_async("auth_failed", {"ip": request.ip or ""})
            raise
        request.notes["decision"] = admission.decision
        return admission

    # --- the rounds

    async def _admit(self, visitors: Sequence[Visitor]) -> Sequence[Admission | BaseException]:
        return await _in_thread(self._gate_thread, admit_all, visitors)

    def _new_writer(self) -> Rounds[Submission, Recorded]:
        """Return the writer of one organization: its requests share commits, others are not waited for."""

        async def write(submissions: Sequence[Submission]) -> Sequence[Recorded | BaseException]:
            measuring.note_depth(sum(writer.waiting for writer in self._writers.values()))
            return await _in_thread(self._writer_threads, _write_round, submissions)

        return Rounds(
            write,
            items_max=GROUP_REQUESTS,
            weigh=lambda submission: len(submission.parsed.batch),
            weight_max=GROUP_POINTS,
        )

    async def _parsed(
        self, door: Door, request: DoorRequest, parse: Callable[..., ResultT], *arguments: Any
    ) -> ResultT:
        """Read a body: here if that is quick, else in a thread."""
        if door.is_quick(request):
            return parse(*arguments)
        return await _in_thread(self._parser_threads, parse, *arguments)


async def _in_thread(pool: ThreadPoolExecutor, work: Callable[..., ResultT], *arguments: Any) -> ResultT:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool, partial(_with_connection, work, *arguments))


def _log_refusal(door: Door, request: DoorRequest, status: int, code: str) -> None:
    """Write a line for a refused request; one that was stored is counted and leaves no line."""
    logger.info(
        "door.refused", door=door.name, status=status, code=code, ip=request.ip, request_id=request.request_id
    )


def _with_connection(work: Callable[..., ResultT], *arguments: Any) -> ResultT:
    """Run code in a thread, and give its database connection back to the pool."""
    try:
        return work(*arguments)
    except DatabaseError as error:
        logger.warning("door.database_unavailable", error=str(error).partition("\n")[0])
        raise Unavailable from error
    finally:
        connection.close()


def _write_round(submissions: Sequence[Submission]) -> Sequence[Outcome]:
    refuse_overload(submissions[0].organization_id)
    with measuring.timed_write():
        outcomes = write_group(submissions)
    after_commit(submissions[0].organization_id, outcomes)
    return outcomes


def _store_once(request: DoorRequest, submission: Submission, sending: Sending, key: str) -> Response:
    """Store the points of a request with an Idempotency-Key, its answer in the same transaction."""
    refuse_overload(submission.organization_id)
    digest = idempotency.request_hash(
        query=request.query_string.decode("latin-1"),
        media_type=request.media_type,
        body_sha256=hashlib.sha256(request.body).digest(),
    )

    def effect() -> Answer:
        (outcome,) = write_group([submission])
        if isinstance(outcome, DomainError):
            raise outcome
        response = sending.answer(outcome)
        transaction.on_commit(partial(after_commit, submission.organization_id, [outcome]))
        headers = {"Content-Type": response.media_type, **response.headers}
        return Answer(digest, response.status, headers, response.body)

    name = RequestKey(request.notes["actor_key"], request.method, request.path, idempotency.checked_key(key))
    answer, is_replay = idempotency.answer_once(name, digest, effect, kept_for=KEPT_FOR)
    headers = dict(answer.headers)
    media_type = headers.pop("Content-Type")
    if is_replay:
        headers[idempotency.REPLAYED_HEADER] = "true"
    return Response(answer.status, answer.body, media_type, headers)


def _submission(door: Door, request: DoorRequest, admission: Admission, sending: Sending) -> Submission:
    organization = admission.actor.organization
    claim = None
    if sending.content is not None:
        claim = RequestKey(admission.actor.key, "CONTENT", request.path, sending.content.hex())
    return Submission(
        organization_id=organization.pk,
        parsed=sending.parsed,
        door=door.name,
        received_at_us=request.received_at_us,
        mode=sending.mode,
        untyped=sending.untyped,
        claim=claim,
        pointer=sending.pointer,
        reserves_names=organization.is_system,
    )


def _request_of(scope: Scope) -> DoorRequest:
    headers = merged_headers(scope)
    client = scope.get("client")
    forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1")
    return DoorRequest(
        method=scope["method"],
        path=scope["path"],
        query_string=scope["query_string"],
        headers=headers,
        ip=caller_of(client[0] if client else "", forwarded),
        received_at_us=time.time_ns() // 1_000,
        notes={"is_read": not announces_body(scope)},
    )


def _common_headers(request: DoorRequest) -> list[tuple[bytes, bytes]]:
    """Return the headers of every answer: the request's id, what is left of the quota, the end of it all."""
    found = [(b"x-request-id", request.request_id.encode())]
    decision: Decision | None = request.notes.get("decision")
    if decision is not None:
        found += [(name.lower().encode(), value.encode()) for name, value in decision.headers.items()]
    if not request.notes.get("is_read"):
        found.append((b"connection", b"close"))  # the rest of the body is not read
    return found
