"""Who loses a right loses the topic, and who is signed out loses the connection, at once (section 12)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Membership, Organization, Role, Session, User
from apps.accounts.services import TokenPair, revoke_api_key, revoke_session, sign_in
from apps.common import live
from apps.common.live.hub import current_hub
from tests.factories.accounts import PASSWORD
from tests.live.conftest import Client, Stage, open_client, user_of

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
