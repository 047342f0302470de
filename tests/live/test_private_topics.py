"""A private topic is one stream per user: nobody else sees it, and it follows them between organizations."""

import pytest
from asgiref.sync import sync_to_async

from apps.accounts.models import Organization, Role
from apps.accounts.services import sign_in
from apps.common import live
from tests.factories.accounts import PASSWORD, MembershipFactory, OrganizationFactory
from tests.furniture.people import Person
from tests.live.conftest import Stage, open_client, user_of

TOPIC = "test.mine"


@pytest.fixture
def viewer_token(stage: Stage) -> str:
    return token_of(stage.actors.viewer)


@pytest.fixture
def admin_token(stage: Stage) -> str:
    return token_of(stage.actors.admin)


@pytest.fixture
def second(stage: Stage) -> Organization:
    """Another organization of the viewer."""
    organization = OrganizationFactory.create()
    MembershipFactory.create(organization=organization, user=user_of(stage.actors.viewer), role=Role.VIEWER)
    return organization


def token_of(person: Person) -> str:
    return sign_in(email=user_of(person).email, password=PASSWORD).access


async def tell(person: Person, number: int) -> None:
    """Publish an event to one user."""
    user_id = user_of(person).pk
    publish = sync_to_async(live.publish)
    await publish(user_id=user_id, topic=TOPIC, type="told", data={"number": number})


async def test_each_user_sees_only_their_own_events(
    stage: Stage, viewer_token: str, admin_token: str
) -> None:
    async with open_client(stage.server.url) as viewer, open_client(stage.server.url) as admin:
        for client, token in ((viewer, viewer_token), (admin, admin_token)):
            await client.ask("auth", token=token)
            assert (await client.ask("subscribe", topic=TOPIC, after=0))["op"] == "subscribed"
        await tell(stage.actors.admin, 1)
        await tell(stage.actors.viewer, 2)
        (of_viewer,) = await viewer.events(1)
        (of_admin,) = await admin.events(1)
        assert (of_viewer["topic"], of_viewer["seq"], of_viewer["data"]) == (TOPIC, 1, {"number": 2})
        assert (of_admin["seq"], of_admin["data"]) == (1, {"number": 1})
        for client in (viewer, admin):
            assert (await client.ask("ping"))["op"] == "pong"


async def test_a_private_topic_is_the_same_in_another_organization(
    stage: Stage, viewer_token: str, second: Organization
) -> None:
    async with open_client(stage.server.url) as client:
        await client.ask("auth", token=viewer_token)
        await client.ask("subscribe", topic=TOPIC)
        await tell(stage.actors.viewer, 1)
        (event,) = await client.events(1)
        left = await client.ask("auth", organization=second.slug)
        assert (left["op"], left["topic"]) == ("unsubscribed", TOPIC)
        assert (await client.receive())["op"] == "welcome"
        await tell(stage.actors.viewer, 2)
        answer = await client.ask("subscribe", topic=TOPIC, after=event["seq"], epoch=event["epoch"])
        assert (answer["seq"], answer["reset"]) == (2, False)
        (missed,) = await client.events(1)
        assert missed["data"] == {"number": 2}


async def test_acknowledging_and_replaying_work_on_a_private_topic(stage: Stage, viewer_token: str) -> None:
    async with open_client(stage.server.url) as client:
        await client.ask("auth", token=viewer_token)
        await client.ask("subscribe", topic=TOPIC)
        for number in range(3):
            await tell(stage.actors.viewer, number)
        await client.events(3)
        await client.send("ack", topic=TOPIC, seq=2)
        answer = await client.ask("subscribe", topic=TOPIC, after="acked")
        assert not answer["reset"]
        assert [event["data"]["number"] for event in await client.events(1)] == [2]
        await client.send("replay", topic=TOPIC, after=1)
        assert [event["data"]["number"] for event in await client.events(2)] == [1, 2]
        assert (await client.receive())["op"] == "replayed"


async def test_a_key_has_no_private_topic(stage: Stage) -> None:
    async with stage.client() as client:
        for op in ("subscribe", "replay"):
            answer = await client.ask(op, topic=TOPIC, after=0)
            assert (answer["op"], answer["code"]) == ("error", "permission.denied")


def test_an_event_belongs_to_an_organization_or_to_a_user(stage: Stage) -> None:
    user_id = user_of(stage.actors.viewer).pk
    with pytest.raises(ValueError, match="either"):
        live.publish(topic=TOPIC, type="told", data={})
    with pytest.raises(ValueError, match="either"):
        live.publish(
            topic=TOPIC, type="told", data={}, user_id=user_id, organization_id=stage.organization_id
        )
