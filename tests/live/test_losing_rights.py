"""Who loses a right loses the topic, and who is signed out loses the connection, at once (section 12)."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone

from apps.accounts.authentication import Credentials
from apps.accounts.callers import Presence
from apps.accounts.doors import Door
from apps.accounts.models import Membership, Organization, Role, Session, User
from apps.accounts.services import TokenPair, revoke_api_key, revoke_session, sign_in
from apps.accounts.services.sessions import SessionRevoked
from apps.common import live
from apps.common.live import hub as hubs
from apps.common.live import protocol
from apps.common.live.hub import current_hub
from apps.common.live.messages import Message
from apps.common.live.outbox import Outbox
from apps.common.live.protocol import CloseCode
from apps.common.live.subscriptions import Subscriptions
from tests.factories.accounts import PASSWORD
from tests.live.conftest import ANSWER_LIMIT_S, Client, Idle, Stage, open_client, user_of

in_thread = sync_to_async


def pair_of(stage: Stage) -> TokenPair:
    return sign_in(email=user_of(stage.actors.admin).email, password=PASSWORD)


async def signed_in(client: Client, pair: TokenPair) -> dict[str, Any]:
    return await client.ask("auth", token=pair.access)


def revoke_later(change: Callable[[], object], **subject: UUID) -> None:
    """Change a row and announce it, as a service does: nothing is said before the commit."""
    with transaction.atomic():
        live.revoke(**subject)
        change()


async def test_a_revoked_session_closes_4401(stage: Stage) -> None:
    pair = await in_thread(pair_of)(stage)
    other = await in_thread(pair_of)(stage)
    async with open_client(stage.server.url) as client, open_client(stage.server.url) as same_user:
        await signed_in(client, pair)
        await signed_in(same_user, other)
        await in_thread(revoke_session)(session=pair.session, reason="signed_out")
        assert await client.closed() == 4401
        assert (await same_user.ask("ping"))["op"] == "pong"


async def test_a_revoked_key_closes_4401(stage: Stage) -> None:
    """Edge case 6."""
    key = stage.actors.key.key
    assert key is not None
    async with stage.client() as client:
        await in_thread(revoke_api_key)(actor=stage.actors.admin.actor, api_key=key)
        assert await client.closed() == 4401


async def test_a_locked_user_and_a_lost_membership_close_4401(stage: Stage) -> None:
    user = await in_thread(lambda: user_of(stage.actors.admin))()
    pair = await in_thread(pair_of)(stage)
    async with open_client(stage.server.url) as client:
        await signed_in(client, pair)
        rows = User.objects.filter(pk=user.pk)
        await in_thread(revoke_later)(lambda: rows.update(is_active=False), user_id=user.pk)
        assert await client.closed() == 4401
    await in_thread(rows.update)(is_active=True)
    async with open_client(stage.server.url) as client:
        await signed_in(client, pair)
        memberships = Membership.objects.filter(user=user)
        await in_thread(revoke_later)(memberships.delete, user_id=user.pk)
        assert await client.closed() == 4401


async def test_a_suspended_organization_closes_4401(stage: Stage) -> None:
    async with stage.client() as client:
        rows = Organization.objects.filter(pk=stage.organization_id)
        await in_thread(revoke_later)(
            lambda: rows.update(suspended_at=timezone.now()), organization_id=stage.organization_id
        )
        assert await client.closed() == 4401


async def test_a_demotion_takes_the_topics_that_need_the_higher_role(stage: Stage) -> None:
    """Edge case 3."""
    pair = await in_thread(pair_of)(stage)
    user = user_of(stage.actors.admin)
    async with open_client(stage.server.url) as client:
        await signed_in(client, pair)
        assert (await client.ask("subscribe", topic="test.secrets"))["op"] == "subscribed"
        assert (await client.ask("subscribe", topic=stage.topic))["op"] == "subscribed"
        memberships = Membership.objects.filter(user=user)
        await in_thread(revoke_later)(lambda: memberships.update(role=Role.VIEWER), user_id=user.pk)
        lost = await client.receive()
        assert lost == {
            "op": "unsubscribed",
            "id": None,
            "topic": "test.secrets",
            "reason": "permission_lost",
        }
        await stage.publish(1, topic="test.secrets")
        await stage.publish(2)
        assert (await client.receive())["data"]["number"] == 2
        assert (await client.ask("subscribe", topic="test.secrets"))["code"] == "permission.denied"


async def test_a_refreshed_token_leaves_the_connection_open(stage: Stage) -> None:
    """The session counts, not the hour of the token that opened the connection."""
    pair = await in_thread(pair_of)(stage)
    async with open_client(stage.server.url) as client:
        await signed_in(client, pair)
        rows = Session.objects.filter(pk=pair.session.pk)
        await in_thread(revoke_later)(lambda: rows.update(generation=7), session_id=pair.session.pk)
        assert (await client.ask("ping"))["op"] == "pong"


async def test_all_connections_are_rechecked_every_minute() -> None:
    checked: list[str] = []

    class Watched:
        def concerns(self, subjects: frozenset[str]) -> bool:
            return False

        async def recheck(self) -> None:
            checked.append("checked")

        async def renew(self) -> None: ...

    class Broken(Watched):
        async def recheck(self) -> None:
            raise RuntimeError("one connection's trouble")

    hub = current_hub()
    connections = [Broken(), Watched()]
    for connection in connections:
        hub.enter(connection)
    await hub.recheck_all()
    for connection in connections:
        await hub.leave(connection)

    assert checked == ["checked"]


async def test_the_minute_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hubs.RECHECK_S == 60
    monkeypatch.setattr(hubs, "RECHECK_S", 0.02)
    looked = asyncio.Event()

    class Watched(Idle):
        async def recheck(self) -> None:
            looked.set()

    hub, watched = current_hub(), Watched()
    hub.enter(watched)
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            await looked.wait()
    finally:
        await hub.leave(watched)


async def test_a_right_that_is_lost_while_subscribing_is_lost(stage: Stage) -> None:
    hub, idle, outbox = current_hub(), Idle(), Outbox(lambda: None)
    admin, viewer = await in_thread(lambda: (stage.actors.admin.actor, stage.actors.viewer.actor))()
    hub.enter(idle)
    try:
        subscriptions = Subscriptions(hub, outbox, admin)
        subscribing = asyncio.create_task(subscriptions.subscribe(protocol.Subscribe(topic="test.secrets")))
        await asyncio.sleep(0)  # now it waits for the room
        subscriptions.watcher = viewer
        await subscriptions.recheck()
        await subscribing
        await stage.publish(1, topic="test.secrets")
        told = await outbox.take()
        assert isinstance(told, Message)
        assert b"permission_lost" in told.content
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(outbox.take(), 0.3)
    finally:
        await hub.leave(idle)


class SlowCaller:
    """A caller whose session turns out to have ended, but only when that is let out."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    def credentials(self) -> Any:
        self.asked.set()
        assert self.may_answer.wait(ANSWER_LIMIT_S)
        raise SessionRevoked


class LastingCaller:
    """A caller whose key is good."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def credentials(self) -> Credentials:
        return Credentials(api_key=self.key)


class QuietDoor(Door):
    """A connection without a client."""

    closed_by: CloseCode | None = None
    is_closing = False

    def close(self, code: CloseCode) -> None:
        self.closed_by = code


async def test_a_look_at_the_former_sign_in_does_not_end_the_new_one(stage: Stage) -> None:
    """A recheck is under way while an `auth` changes who is there."""
    actor, key = stage.actors.key.actor, stage.actors.key.key
    slow = SlowCaller()
    door = QuietDoor(Outbox(lambda: None))
    door.enter()
    try:
        door.presence = Presence(slow, actor, None)
        door.subscriptions = Subscriptions(door.hub, door.outbox, actor)
        looking = asyncio.create_task(door.recheck())
        await asyncio.to_thread(slow.asked.wait, ANSWER_LIMIT_S)
        door.presence = lasting = Presence(LastingCaller(key), actor, None)
        slow.may_answer.set()
        await looking
        assert door.closed_by is None
        assert door.presence.caller is lasting.caller
    finally:
        await door.leave()


async def test_whoever_enters_as_the_last_one_leaves_gets_a_hub_that_works(stage: Stage) -> None:
    """The hub ends with its last connection; one that is about to enter must not be caught by that."""
    late, outbox = QuietDoor(Outbox(lambda: None)), Outbox(lambda: None)
    first = Idle()
    hub = current_hub()
    hub.enter(first)
    await hub.leave(first)
    late.enter()
    try:
        subscriptions = Subscriptions(late.hub, outbox, stage.actors.key.actor)
        await subscriptions.subscribe(protocol.Subscribe(topic=stage.topic))
        await stage.publish(1)
        for wanted in (b"subscribed", b'"number":1'):
            item = await asyncio.wait_for(outbox.take(), ANSWER_LIMIT_S)
            assert isinstance(item, Message)
            assert wanted in item.content
    finally:
        await late.leave()
