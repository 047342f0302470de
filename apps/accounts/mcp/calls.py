"""Running one tool: its permission, its limits, its idempotency key, its answer or its problem."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from apps.accounts.authentication import Credentials
from apps.accounts.mcp.messages import INVALID_PARAMS, JsonObject, RpcError
from apps.accounts.permissions import Actor
from apps.common import idempotency, throttles
from apps.common.errors import DomainError, FieldError, Forbidden, Invalid, TooLarge, Unavailable
from apps.common.idempotency import Answer, RequestKey
from apps.common.logs import current_request_id
from apps.common.problems import ServerError, as_domain_error, render_problem
from apps.common.read_only import ReadOnly
from apps.common.tools import KEY_PROPERTY, Tool, find_tool

# What every message counts against anyway.
OWN_LIMIT: Final = "mcp"
TIME_S: Final = 20.0
ROWS_MAX: Final = 1_000
ANSWER_MAX_BYTES: Final = 256 * 1024
# What a tool that writes answers is kept for repetitions, whose table takes no more.
KEPT_MAX_BYTES: Final = 64 * 1024
NAME_SHOWN: Final = 100

logger = structlog.get_logger(__name__)


class ToolTimeout(Unavailable):
    """The tool took longer than it may.

    Ask for less: a narrower time window, a smaller page. What takes long by its nature is offered as a job.
    """

    code = "tools.timeout"


class ToolAnswerTooLarge(TooLarge):
    """The tool's answer is larger than it may be.

    Ask for less: a narrower filter, a smaller page.
    """

    code = "tools.answer_too_large"


class Deadline:
    """Stops the statements of this thread once the time is over; a wrapper of `connection.execute_wrapper`.

    A statement gets what is left, told to PostgreSQL anew when that has become a second less.
    """

    def __init__(self, seconds: float) -> None:
        self._ends_s = time.monotonic() + seconds
        self._told_s = float("inf")

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """Run one statement in the time that is left; raises ToolTimeout."""
        # Savepoints cost nothing, and on the way back out of an error nothing else may be said.
        if not str(sql).startswith(("SAVEPOINT", "ROLLBACK", "RELEASE")):
            self._tell(self.check())
        return execute(sql, params, many, context)

    def _tell(self, left_s: float) -> None:
        if self._told_s - left_s <= 1:
            return
        self._told_s = left_s  # first, because the statement below passes here, too
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{left_s * 1_000:.0f}"])

    def check(self) -> float:
        """Return the seconds that are left; raises ToolTimeout if there are none."""
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise ToolTimeout
        return left_s


def call_tool(credentials: Credentials, actor: Actor, params: JsonObject) -> JsonObject:
    """Return the result of `tools/call`: the answer, or with `isError` the problem. Raises RpcError."""
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, dict | None):
        raise RpcError(INVALID_PARAMS, "tools/call takes the name of a tool and its arguments as an object.")
    tool = find_tool(name)
    if tool is None:
        raise RpcError(INVALID_PARAMS, f"There is no tool {name[:NAME_SHOWN]}; tools/list names them.")
    with structlog.contextvars.bound_contextvars(tool=tool.name):
        try:
            content, is_replayed = _run(tool, credentials, actor, dict(arguments or {}))
        except Exception as error:  # the boundary of a tool: whatever happened, the model is told
            return _problem(error)
    result: JsonObject = {
        "content": [{"type": "text", "text": content.decode()}],
        "structuredContent": msgspec.Raw(content),
        "isError": False,
    }
    return result | ({"_meta": {"idempotency_replayed": True}} if is_replayed else {})


def _run(
    tool: Tool[Any], credentials: Credentials, actor: Actor, arguments: JsonObject
) -> tuple[bytes, bool]:
    """Return the encoded answer, and whether it is a stored one."""
    if not tool.is_offered_to(actor):
        needed = f"needs the permission {tool.permission}" if tool.permission else "is not offered to you"
        raise Forbidden(f"The tool {tool.name} {needed}.")
    if tool.writes and settings.MAINTENANCE_READ_ONLY:
        raise ReadOnly
    if tool.limit != OWN_LIMIT:
        throttles.take_for(actor.caller, tool.limit)
    key = _taken_key(arguments) if tool.writes else None
    checked = tool.read(arguments)
    deadline = Deadline(TIME_S)

    def effect() -> Answer:
        content = _encoded(tool, tool.call(actor, checked))
        deadline.check()  # in the transaction, so that what came too late did not happen
        return Answer(request_hash=_identity(actor, arguments), status=200, headers={}, body=content)

    try:
        with connection.execute_wrapper(deadline):
            if key is not None:
                place = RequestKey(credentials.key, "POST", f"/mcp/{tool.name}", key)
                answer, is_replayed = idempotency.answer_once(place, _identity(actor, arguments), effect)
                return bytes(answer.body), is_replayed
            with transaction.atomic():
                if not tool.writes:
                    # A wall: a tool that is said to read cannot write, whatever it calls.
                    connection.cursor().execute("SET TRANSACTION READ ONLY")
                return effect().body, False
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise ToolTimeout from error
        raise


def _taken_key(arguments: JsonObject) -> str | None:
    """Take the idempotency key out of the arguments; raises IdempotencyKeyInvalid, Invalid."""
    key = arguments.pop(KEY_PROPERTY, None)
    if key is None:
        return None
    if not isinstance(key, str):
        raise Invalid(errors=[FieldError("Expected a text.", pointer=f"/{KEY_PROPERTY}")])
    return idempotency.checked_key(key)


def _identity(actor: Actor, arguments: JsonObject) -> bytes:
    """Return the digest of what a key stands for: the same arguments, in any order, in one organization."""
    content = json.dumps(arguments, sort_keys=True).encode()
    return idempotency.request_hash(
        query=str(actor.organization.pk), media_type="", body_sha256=hashlib.sha256(content).digest()
    )


def _encoded(tool: Tool[Any], result: msgspec.Struct) -> bytes:
    """Return an answer as JSON; raises ToolAnswerTooLarge."""
    if _longest_list(msgspec.to_builtins(result)) > ROWS_MAX:
        raise ToolAnswerTooLarge(f"The answer has more than {ROWS_MAX} rows.")
    content = msgspec.json.encode(result)
    limit = KEPT_MAX_BYTES if tool.writes else ANSWER_MAX_BYTES
    if len(content) > limit:
        raise ToolAnswerTooLarge(f"The answer has {len(content)} bytes, more than {limit}.")
    return content


def _longest_list(value: Any) -> int:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = len(value) if isinstance(value, list) else 0
    return max([own, *(_longest_list(child) for child in below)])


def _problem(error: Exception) -> JsonObject:
    """Return a failed call: the problem as the API would answer it, for the model to read."""
    meant: DomainError | None = as_domain_error(error)
    if meant is None:
        logger.error("tool_failed", exc_info=error)
        meant = ServerError()
    if meant.retry_after_s is not None:
        meant.extra["retry_after_s"] = meant.retry_after_s  # there is no header to say it
    _status, content = render_problem(meant, current_request_id())
    return {"content": [{"type": "text", "text": content.decode()}], "isError": True}
