"""The engine that asks a language model, beside what the parsers say.

Only what `outgoing` packed goes out. What the model says is data: it is sanitised, and what it names that was
not sent is dropped. Without an answer the structural result stands.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from django.conf import settings

from apps.common import ai
from apps.projects.documenting.answers import Said, take_answer
from apps.projects.documenting.outgoing import CALLS_MAX, TOKENS_MAX, Parcel, SentFile, in_calls
from apps.projects.documenting.prompts import (
    ANSWER_MAX_TOKENS,
    ANSWER_SCHEMA,
    PROMPT_VERSION,
    write_prompt,
    write_repair,
)
from apps.projects.documenting.reading import Deadline
from apps.projects.documenting.results import Provenance, Suggestion
from apps.projects.documenting.structural import Outcome
from apps.projects.documenting.structure import Structure
from apps.projects.states import CodeJobType

EXTERNAL: Final = "external"
PURPOSE: Final = "code_job"
CHARACTERS_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class Question:
    """What the model is asked: with which files, on whose budget, in whose words.

    `chosen` tells which lines an explanation is about. `before_call` is called with the tokens that were used
    in and out so far, and raises what ends the job; it returns whether the code may still leave.
    """

    organization_id: uuid.UUID
    type: str
    parcel: Parcel
    instructions: str
    chosen: str
    deadline: Deadline
    before_call: Callable[[ai.Spent], bool]


@dataclass(slots=True)
class Talk:
    """What has been asked and said so far."""

    said: Said = field(default_factory=Said)
    model: str = ""
    calls: int = 0
    answered: int = 0
    spent: ai.Spent = field(default_factory=ai.Spent)
    tokens: int = 0
    is_cut: bool = False
    has_failed: bool = False

    def pay(self, spent: ai.Spent, tokens: int) -> None:
        """Count what a call took; a provider that does not tell the parts apart is counted as asked."""
        if spent == ai.Spent():
            spent = ai.Spent(tokens_in=tokens)
        self.spent = ai.Spent(
            self.spent.tokens_in + spent.tokens_in, self.spent.tokens_out + spent.tokens_out
        )
        self.tokens += tokens


def ask_model(question: Question, structural: Outcome) -> tuple[Outcome, bool]:
    """Return the structural result with what a model adds, and whether any call failed.

    Raises what `before_call` does.
    """
    talk = Talk()
    for files in _calls_of(question):
        if not _may_go_on(question, talk, files):
            break
        _ask(question, talk, files, structural.structure)
        if talk.has_failed:
            break
    question.before_call(talk.spent)
    return _combined(question, structural, talk), talk.has_failed


def _calls_of(question: Question) -> list[list[SentFile]]:
    """Return the files of each call; what is asked about all files at once takes as many as fit into one."""
    groups = list(in_calls(question.parcel.files))
    if question.type in {CodeJobType.SUMMARY, CodeJobType.EXPLANATION}:
        return groups[:1]
    return groups


def _may_go_on(question: Question, talk: Talk, files: Sequence[SentFile]) -> bool:
    """Tell whether another call fits into the budget of the job, and the code may still leave."""
    estimate = sum(len(sent.text) for sent in files) // CHARACTERS_PER_TOKEN + ANSWER_MAX_TOKENS
    has_budget = talk.calls < CALLS_MAX and talk.tokens + estimate <= TOKENS_MAX
    if not has_budget or question.deadline.is_over:
        talk.is_cut = True
        return False
    if not question.before_call(talk.spent):
        talk.has_failed = True
        return False
    return True


def _ask(question: Question, talk: Talk, files: Sequence[SentFile], structure: Structure) -> None:
    """Ask once, and once more for an answer that is not valid."""
    prompt = write_prompt(question.type, files, instructions=question.instructions, chosen=question.chosen)
    answer: Mapping[str, Any] | None = None
    try:
        answer = _complete(question, talk, prompt)
    except ai.AnswerNotValid as error:
        talk.pay(error.spent, error.tokens)
        answer = _repaired(question, talk, write_repair(prompt, error.text))
    except ai.BudgetUsedUp:
        talk.is_cut = True
    except ai.AiUnavailable as error:
        _note_failure(talk, error)
    if answer is not None:
        talk.answered += 1
        take_answer(talk.said, answer, {sent.file.path: sent for sent in files}, structure)


def _repaired(question: Question, talk: Talk, prompt: str) -> Mapping[str, Any] | None:
    if talk.calls >= CALLS_MAX or not question.before_call(talk.spent):
        talk.has_failed = True
        return None
    try:
        return _complete(question, talk, prompt)
    except ai.AiUnavailable as error:
        _note_failure(talk, error)
        return None


def _note_failure(talk: Talk, error: ai.AiUnavailable) -> None:
    """Go on without an answer; one that cannot be used, also a refusal, has been paid for."""
    if isinstance(error, ai.AnswerUnusable):
        talk.pay(error.spent, error.tokens)
    talk.has_failed = True


def _complete(question: Question, talk: Talk, prompt: str) -> Mapping[str, Any]:
    talk.calls += 1
    completion = ai.complete(
        organization_id=question.organization_id,
        purpose=PURPOSE,
        prompt=prompt,
        schema=ANSWER_SCHEMA,
        max_tokens=ANSWER_MAX_TOKENS,
    )
    talk.pay(completion.spent, completion.tokens)
    talk.model = completion.model
    found: Mapping[str, Any] = completion.answer
    return found


def _combined(question: Question, structural: Outcome, talk: Talk) -> Outcome:
    """Return the structural result with the prose, or marked as degraded without it."""
    before, said = structural.result, talk.said
    parcel = question.parcel
    has_words = talk.answered > 0
    suggestions = (*said.suggestions, *before.suggestions)
    result = msgspec.structs.replace(
        before,
        result_type="structured_diff" if said.changes else before.result_type,
        text_md=f"{before.text_md}\n\n{_note(talk)}",
        sections=(*said.sections(), *before.sections),
        changes=tuple(sorted(said.changes, key=lambda each: (each.file, each.range.start))),
        suggestions=_each_once(suggestions) if question.type == CodeJobType.RENAME_SUGGESTIONS else (),
        unscanned=(*before.unscanned, *(each for each in parcel.held_back if each.reason == "budget")),
        engine=EXTERNAL if has_words else before.engine,
        degraded=talk.has_failed or not has_words,
        provenance=Provenance(
            provider=settings.AI_PROVIDER,
            model=talk.model,
            prompt_version=PROMPT_VERSION,
            sources=before.provenance.sources,
            redactions=dict(parcel.redactions),
            dropped=said.dropped,
            tokens_in=talk.spent.tokens_in,
            tokens_out=talk.spent.tokens_out,
        ),
    )
    is_partial = structural.is_partial or talk.is_cut or parcel.is_cut
    return Outcome(result, structural.structure, is_partial)


def _note(talk: Talk) -> str:
    if not talk.answered:
        return "A language model was wanted, and gave no answer that could be used."
    return 'What stands under "in words" was written by a language model; nobody has checked it.'


def _each_once(suggestions: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
    """Return suggestions without those that name the same place again."""
    first: dict[tuple[str, int, str], Suggestion] = {}
    for each in suggestions:
        first.setdefault((each.anchor.path, each.anchor.line_start, each.current), each)
    return tuple(first.values())
