"""The gate of the doors: many callers are let in together, each by their own rights and quota."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import ApiKey, Role
from apps.accounts.services import create_api_key, revoke_api_key
from apps.common.errors import DomainError
from apps.metrics.doors.gate import Admission, Visitor, admit_all
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db


def made(actors: Actors, *scopes: str, **fields: Any) -> tuple[ApiKey, str]:
    """Make a key of the organization."""
    actor = actors.admin.actor
    return create_api_key(actor=actor, name="Sender", role=Role.ANALYST, scopes=list(scopes), **fields)


def sender(actors: Actors) -> str:
    """Return the raw form of a key that may send."""
    return made(actors, "metrics:write")[1]


def queries_for(raws: list[str]) -> int:
    """Return how many statements it takes to let these in, who all may."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answers = admit_all([Visitor(raw, "192.0.2.1") for raw in raws])
    assert all(isinstance(answer, Admission) for answer in answers)
    return len(asked)


def test_twenty_keys_cost_as_many_statements_as_two(actors: Actors) -> None:
    raws = [sender(actors) for _ in range(20)]
    queries_for(raws[:1])  # makes the organization's policy
    assert queries_for(raws) == queries_for(raws[:2])


def test_each_caller_gets_their_own_answer(actors: Actors) -> None:
    good, other = sender(actors), sender(actors)
    revoked, raw_revoked = made(actors, "metrics:write")
    revoke_api_key(actor=actors.admin.actor, api_key=revoked)
    _, reader = made(actors, "metrics:read")
    raws = [good, raw_revoked, reader, other, good, "nonsense", ""]

    answers = admit_all([Visitor(raw, "192.0.2.1") for raw in raws])

    found = [each.code if isinstance(each, DomainError) else each.actor.key for each in answers]
    assert found[0] == found[4] != found[3]
    assert [each for each in found if not each.startswith("key:")] == [
        "auth.key_invalid",
        "permission.denied",
        "auth.token_invalid",
        "auth.required",
    ]


def test_a_key_with_three_calls_left_gets_three_and_its_neighbour_all(actors: Actors) -> None:
    _, slow = made(actors, "metrics:write", rate_per_minute=3)
    quick = sender(actors)

    answers = admit_all([Visitor(raw, "192.0.2.1") for raw in [slow, quick] * 5])

    assert [isinstance(each, Admission) for each in answers[::2]] == [True] * 3 + [False] * 2
    assert all(isinstance(each, Admission) for each in answers[1::2])
