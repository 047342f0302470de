"""Who watches a signal hears what a second person does to it, and nobody hears of others' signals."""

import time

import pytest
from asgiref.sync import sync_to_async

from apps.signals.models import Signal
from apps.signals.states import WorkflowStatus
from apps.signals.triage_services import add_comment, annotate_signal, assign_signal, move_signal
from tests.factories.signals import ROLE_TYPE, create_signal
from tests.live.conftest import Stage, user_of

in_thread = sync_to_async


def act(stage: Stage, signal: Signal) -> None:
    actor, person = stage.actors.manager.actor, user_of(stage.actors.manager)
    assign_signal(actor=actor, signal=signal, assignee_id=person.pk, role_type=ROLE_TYPE)
    move_signal(actor=actor, signal=signal, status=WorkflowStatus.IN_PROGRESS)
    add_comment(actor=actor, signal=signal, body="Looking.")
    annotate_signal(actor=actor, signal=signal, why_matters="Beds.")


async def test_the_acts_of_a_second_person_arrive(stage: Stage) -> None:
    signal = await in_thread(create_signal)(stage.actors.organization)
    topic = f"signals.{signal.pk}"
    async with stage.client() as client, stage.client() as board:
        assert (await client.ask("subscribe", topic=topic))["op"] == "subscribed"
        assert (await board.ask("subscribe", topic="signals"))["op"] == "subscribed"
        await in_thread(act)(stage, signal)
        events = await client.events(4)
        assert [event["type"] for event in events] == [
            "workflow.changed",
            "workflow.changed",
            "comment.changed",
            "signal.changed",
        ]
        assert [event["data"].get("version") for event in events[:2]] == [2, 3]
        (stale,) = await board.events(1)
        assert (stale["type"], stale["data"]) == ("lists.stale", {"settles_in_ms": 2_000})
        # All four acts in one message: the rest is told by its time.
        assert (await board.ask("ping"))["op"] == "pong"


async def test_an_act_is_heard_within_a_second(stage: Stage) -> None:
    # A machine that others use takes a second for anything now and then: it has some tries.
    for _ in range(5):
        signal = await in_thread(create_signal)(stage.actors.organization)
        async with stage.client() as client:
            await client.ask("subscribe", topic=f"signals.{signal.pk}")
            began_s = time.monotonic()
            await in_thread(act)(stage, signal)
            await client.events(4)
            if time.monotonic() - began_s < 1:
                return
    pytest.fail("it took longer each time")


async def test_a_signal_of_another_organization_is_no_topic(stage: Stage) -> None:
    elsewhere = await in_thread(lambda: create_signal(stage.actors.stranger.organization))()  # type: ignore[arg-type]
    async with stage.client() as client:
        answer = await client.ask("subscribe", topic=f"signals.{elsewhere.pk}")
        assert (answer["op"], answer["code"]) == ("error", "not_found")
