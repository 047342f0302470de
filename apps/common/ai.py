"""The one door to a language model: a prompt and a JSON Schema in, an answer that fits the schema out.

Everything that asks here works without it, too: on AiUnavailable the caller degrades.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from django.conf import settings

from apps.common.errors import Unavailable
from apps.common.outbound.breaker import is_open
from apps.common.outbound.calling import call
from apps.common.outbound.client import Limits
from apps.common.outbound.errors import CircuitOpen, OutboundBlocked, OutboundFailed
from apps.common.outbound.urls import parse_target
from apps.common.valkey import valkey_at

PURPOSE: Final = "ai"
ANSWER_MAX_BYTES: Final = 4 * 1024 * 1024
# For the budget only, before the provider has counted: English text has about four characters to a token.
CHARACTERS_PER_TOKEN: Final = 4
BUDGET_KEPT_S: Final = 2 * 24 * 3600

logger = structlog.get_logger(__name__)


class AiUnavailable(Unavailable):
    """No language model answers just now.

    None is configured, it is down, today's budget is used up, or its answer was not usable.
    """

    code = "ai.unavailable"


class AnswerUnusable(AiUnavailable):
    """The language model answered, with nothing that can be used.

    It was paid for all the same: `tokens` in all, `spent` by parts as far as the provider tells them.
    """

    def __init__(self, detail: str = "", *, tokens: int, spent: "Spent") -> None:
        super().__init__(detail)
        self.tokens = tokens
        self.spent = spent


class AnswerNotValid(AnswerUnusable):
    """The language model's answer was not usable.

    `text` is what it wrote, for a caller who asks once more.
    """

    code = "ai.answer_not_valid"

    def __init__(self, text: str, *, tokens: int, spent: "Spent") -> None:
        super().__init__(tokens=tokens, spent=spent)
        self.text = text


class BudgetUsedUp(AiUnavailable):
    """Today's budget of the language model is used up."""

    code = "ai.budget_used_up"


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens of a prompt and of its answer; both zero where the provider does not tell them apart."""

    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer: `answer` is valid by the schema that was asked for; tokens in and out together."""

    answer: Any
    model: str
    tokens: int
    spent: Spent = Spent()


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt that a provider is asked, and that the recording provider keeps."""

    organization_id: uuid.UUID
    purpose: str
    prompt: str
    schema: Mapping[str, Any]
    max_tokens: int


# What the recording provider was asked, and what it will answer next; for tests and demonstrations.
recorded: list[Question] = []
answers: list[str] = []


class _Message(msgspec.Struct):
    # A refusal comes without content.
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Usage(msgspec.Struct):
    total_tokens: int
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Reply(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None
    model: str = ""


def complete(
    *, organization_id: uuid.UUID, purpose: str, prompt: str, schema: Mapping[str, Any], max_tokens: int
) -> Completion:
    """Return a model's answer to a prompt, valid by a JSON Schema; raises AiUnavailable.

    `prompt` may hold text of strangers: the answer is data, and nothing in it is ever carried out.
    """
    if settings.AI_PROVIDER == "none":
        raise AiUnavailable("No language model is configured.")
    estimate = len(prompt) // CHARACTERS_PER_TOKEN + max_tokens
    _spend(organization_id, estimate)
    try:
        reply = _reply(Question(organization_id, purpose, prompt, schema, max_tokens))
    except AiUnavailable:
        _spend(organization_id, -estimate)
        raise
    tokens = reply.usage.total_tokens if reply.usage else estimate
    _spend(organization_id, tokens - estimate)
    spent = Spent(reply.usage.prompt_tokens, reply.usage.completion_tokens) if reply.usage else Spent()
    text = reply.choices[0].message.content
    if text is None:
        raise AnswerUnusable("The language model refused to answer.", tokens=tokens, spent=spent)
    try:
        answer = _valid(text, schema)
    except ValueError as error:
        raise AnswerNotValid(text, tokens=tokens, spent=spent) from error
    return Completion(answer=answer, model=reply.model or settings.AI_MODEL, tokens=tokens, spent=spent)


def tokens_left(organization_id: uuid.UUID) -> int | None:
    """Return how many tokens an organization may still use today; None if they cannot be counted now."""
    spent = valkey_at(settings.CACHE_URL).attempt(
        lambda client: int(client.get(_budget_key(organization_id)) or 0), purpose="ai budget"
    )
    return None if spent is None else max(settings.AI_DAILY_TOKENS - spent, 0)


def is_left_alone() -> bool:
    """Tell whether the provider failed repeatedly and is not asked for a minute."""
    if settings.AI_PROVIDER != "openai_compatible":
        return False
    return is_open(PURPOSE, parse_target(settings.AI_BASE_URL, by_operator=True).host)


def _reply(question: Question) -> _Reply:
    """Return what the configured provider says."""
    if settings.AI_PROVIDER != "recording":
        reply = _ask(question)
    else:
        recorded.append(question)
        reply = _Reply([_Choice(_Message(text)) for text in answers[:1]])
        del answers[:1]
    if not reply.choices:
        raise AiUnavailable
    return reply


def _ask(asked: Question) -> _Reply:
    """Ask an OpenAI-compatible server. It may stand in the operators' own network: they set its address."""
    question = {
        "model": settings.AI_MODEL,
        "messages": [{"role": "user", "content": asked.prompt}],
        "max_tokens": asked.max_tokens,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": asked.schema},
        },
    }
    key = settings.AI_API_KEY
    try:
        answer = call(
            settings.AI_BASE_URL.rstrip("/") + "/chat/completions",
            purpose=PURPOSE,
            is_repeatable=True,
            method="POST",
            headers={"Content-Type": "application/json"},
            credentials={"Authorization": f"Bearer {key}"} if key else {},
            body=json.dumps(question).encode(),
            limits=Limits(
                first_byte_s=settings.AI_TIMEOUT_S,
                total_s=settings.AI_TIMEOUT_S,
                max_bytes=ANSWER_MAX_BYTES,
                redirects=0,
            ),
            by_operator=True,
        )
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise AiUnavailable(f"The language model answered {answer.status}.")
        return msgspec.json.decode(answer.body, type=_Reply)
    except (OutboundFailed, OutboundBlocked, CircuitOpen) as error:
        raise AiUnavailable from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        logger.warning("ai.reply_not_understood", purpose=asked.purpose, error=str(error))
        raise AiUnavailable from error


def _valid(text: str, schema: Mapping[str, Any]) -> Any:
    """Return the answer that a model wrote as JSON; raises ValueError."""
    import jsonschema  # noqa: PLC0415 - 2 MB in each process, of which most never ask a model

    try:
        answer = json.loads(text)
        jsonschema.validate(answer, schema)
    except (ValueError, RecursionError, jsonschema.ValidationError) as error:
        logger.warning("ai.answer_not_valid", error=type(error).__name__)
        raise ValueError("the answer does not fit the schema") from error
    return answer


def _spend(organization_id: uuid.UUID, tokens: int) -> None:
    """Count tokens of an organization's day; raises AiUnavailable beyond the budget, or uncounted."""
    key = _budget_key(organization_id)

    def add(client: Any) -> int:
        with client.pipeline() as commands:
            commands.incrby(key, tokens)
            commands.expire(key, BUDGET_KEPT_S)
            return int(commands.execute()[0])

    spent = valkey_at(settings.CACHE_URL).attempt(add, purpose="ai budget")
    if spent is None:
        raise AiUnavailable("The budget of the language model cannot be counted just now.")
    if tokens > 0 and spent > settings.AI_DAILY_TOKENS:
        valkey_at(settings.CACHE_URL).attempt(lambda client: client.decrby(key, tokens), purpose="ai budget")
        raise BudgetUsedUp


def _budget_key(organization_id: uuid.UUID) -> str:
    return f"sextant:ai:{organization_id}:{datetime.now(UTC):%Y%m%d}"
