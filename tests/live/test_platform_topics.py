"""What the platform itself tells live: the end of a session, changes of an organization (section 12)."""

from asgiref.sync import sync_to_async

from apps.accounts.services import TokenPair, revoke_session, revoke_sessions, sign_in
from apps.accounts.services.announcing import announce_organization
from tests.factories.accounts import PASSWORD
from tests.live.conftest import Stage, open_client, user_of

in_thread = sync_to_async


def pair_of(stage: Stage) -> TokenPair:
    return sign_in(email=user_of(stage.actors.viewer).email, password=PASSWORD)


async def test_the_end_of_a_session_is_told_to_its_user_alone(stage: Stage) -> None:
    own, other = await in_thread(pair_of)(stage), await in_thread(pair_of)(stage)
    admin = await in_thread(sign_in)(email=user_of(stage.actors.admin).email, password=PASSWORD)
    async with open_client(stage.server.url) as client, open_client(stage.server.url) as stranger:
        await client.ask("auth", token=own.access)
        await stranger.ask("auth", token=admin.access)
        for each in (client, stranger):
            assert (await each.ask("subscribe", topic="session"))["op"] == "subscribed"
        for _ in range(2):  # ending it again says nothing new
            await in_thread(revoke_session)(session=other.session, reason="signed_out")
        (event,) = await client.events(1)
        assert event["type"] == "session.revoked"
        assert event["data"] == {"id": str(other.session.pk), "kind": "token", "reason": "signed_out"}
        for each in (client, stranger):
            assert (await each.ask("ping"))["op"] == "pong"


async def test_ending_all_sessions_of_a_user_closes_all_their_connections(stage: Stage) -> None:
    first, second = await in_thread(pair_of)(stage), await in_thread(pair_of)(stage)
    async with open_client(stage.server.url) as one, open_client(stage.server.url) as two:
        await one.ask("auth", token=first.access)
        await two.ask("auth", token=second.access)
        assert await in_thread(revoke_sessions)(user=user_of(stage.actors.viewer), reason="operator") == 2
        assert await one.closed() == 4401
        assert await two.closed() == 4401


async def test_a_change_of_an_organization_is_told_to_everybody_in_it(stage: Stage) -> None:
    pair = await in_thread(pair_of)(stage)
    async with open_client(stage.server.url) as person, stage.client() as program:
        await person.ask("auth", token=pair.access)
        for client in (person, program):
            assert (await client.ask("subscribe", topic="organization"))["op"] == "subscribed"
        await in_thread(announce_organization)(stage.organization_id, "name", "members")
        for client in (person, program):
            (event,) = await client.events(1)
            assert event["type"] == "organization.changed"
            assert event["data"] == {"id": str(stage.organization_id), "changed": ["name", "members"]}
