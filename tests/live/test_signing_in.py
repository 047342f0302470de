"""Who may open the websocket, and as whom (platform.md section 12)."""

from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient
from websockets.asyncio.client import connect

from apps.accounts.models import Organization, Role
from apps.accounts.services import sign_in
from tests.factories.accounts import PASSWORD, MembershipFactory, OrganizationFactory
from tests.furniture.people import Person
from tests.live.conftest import FOREIGN_ORIGIN, Client, Stage, open_client, user_of


def access_token(person: Person) -> str:
    return sign_in(email=user_of(person).email, password=PASSWORD).access


def cookie(person: Person) -> str:
    return f"{settings.SESSION_COOKIE_NAME}={person.browser.cookies[settings.SESSION_COOKIE_NAME].value}"


@pytest.fixture
def token(stage: Stage) -> str:
    return access_token(stage.actors.viewer)


@pytest.fixture
def page_cookie(stage: Stage) -> str:
    return cookie(stage.actors.viewer)


def own_origin(stage: Stage) -> str:
    return f"http://127.0.0.1:{stage.server.port}"


async def first_message(stage: Stage, **options: Any) -> dict[str, Any]:
    async with connect(stage.server.url, **options) as socket:
        return await Client(socket).receive()


async def refused_with(stage: Stage, **options: Any) -> int | None:
    async with connect(stage.server.url, **options) as socket:
        return await Client(socket).closed()


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
async def test_a_key_or_a_token_in_a_header_signs_in(stage: Stage, token: str, header: str) -> None:
    for raw in (stage.actors.key.raw_key, token):
        value = f"Bearer {raw}" if header == "Authorization" else raw
        welcome = await first_message(stage, additional_headers={header: value})
        assert welcome == {
            "op": "welcome",
            "connection_id": welcome["connection_id"],
            "organization_id": str(stage.organization_id),
            "heartbeat_s": 20,
        }


async def test_a_first_auth_message_signs_in(stage: Stage, token: str) -> None:
    async with open_client(stage.server.url) as client:
        early = await client.ask("subscribe", id="early", topic=stage.topic)
        assert (early["op"], early["id"], early["code"]) == ("error", "early", "auth.required")
        assert (await client.ask("auth", token=token))["op"] == "welcome"
        assert (await client.ask("subscribe", topic=stage.topic))["op"] == "subscribed"


async def test_a_wrong_token_is_named_and_closes_4401(stage: Stage) -> None:
    async with open_client(stage.server.url) as client:
        answer = await client.ask("auth", id="a", token="nonsense")
        assert (answer["op"], answer["id"], answer["code"]) == ("error", "a", "auth.token_invalid")
        assert await client.closed() == 4401
    answer = await first_message(stage, additional_headers={"X-API-Key": "sxk_00000000_nonsense"})
    assert answer["code"] == "auth.key_invalid"
    assert await refused_with(stage, additional_headers={"X-API-Key": "nonsense"}) == 4401


async def test_the_pages_cookie_signs_in_from_our_own_pages_only(stage: Stage, page_cookie: str) -> None:
    headers = {"Cookie": page_cookie}
    for origin in (own_origin(stage), FOREIGN_ORIGIN, None):
        assert (await first_message(stage, additional_headers=headers, origin=origin))["op"] == "welcome"
    for origin in ("https://evil.example", "null", f"https://127.0.0.1:{stage.server.port}"):
        assert await refused_with(stage, additional_headers=headers, origin=origin) == 4403


async def test_a_foreign_host_header_does_not_make_an_origin_our_own(stage: Stage, page_cookie: str) -> None:
    headers = {"Cookie": page_cookie, "Host": "evil.example"}
    assert await refused_with(stage, additional_headers=headers, origin="http://evil.example") == 4403


async def test_a_stale_cookie_still_may_sign_in_by_message(stage: Stage, token: str) -> None:
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}=gone"}
    async with open_client(stage.server.url, additional_headers=headers) as client:
        assert (await client.ask("auth", token=token))["op"] == "welcome"


@pytest.mark.parametrize("parameter", ["token", "access_token", "api_key", "key"])
async def test_credentials_in_the_address_are_refused_unread(stage: Stage, parameter: str) -> None:
    address = f"{stage.server.url}?{parameter}={stage.actors.key.raw_key}"
    async with connect(address) as socket:
        client = Client(socket)
        assert (await client.receive())["code"] == "auth.key_in_query"
        assert await client.closed() == 4400


async def test_two_different_credentials_are_refused(stage: Stage, token: str) -> None:
    headers = {"X-API-Key": stage.actors.key.raw_key, "Authorization": f"Bearer {token}"}
    assert (await first_message(stage, additional_headers=headers))["code"] == "auth.multiple_credentials"


@pytest.mark.parametrize("path", ["/", "/ws", "/ws/live/", "/ws/other"])
async def test_other_paths_close_4404(stage: Stage, path: str) -> None:
    async with connect(f"ws://127.0.0.1:{stage.server.port}{path}") as socket:
        assert await Client(socket).closed() == 4404


async def test_the_subprotocol_is_taken_when_offered(stage: Stage) -> None:
    async with stage.client(subprotocols=["other", "sextant.v1"]) as client:
        assert client.socket.subprotocol == "sextant.v1"
    async with stage.client() as client:
        assert client.socket.subprotocol is None


@pytest.fixture
def second(stage: Stage) -> Organization:
    """Another organization, of which the viewer is the admin."""
    organization = OrganizationFactory.create()
    MembershipFactory.create(organization=organization, user=user_of(stage.actors.viewer), role=Role.ADMIN)
    return organization


async def test_auth_without_a_token_picks_another_organization(
    stage: Stage, token: str, second: Organization
) -> None:
    there = f"test.things.{second.pk}"
    async with open_client(stage.server.url) as client:
        assert (await client.ask("auth", token=token))["organization_id"] == str(stage.organization_id)
        await client.ask("subscribe", topic=stage.topic)
        assert (await client.ask("subscribe", topic=there))["code"] == "not_found"
        left = await client.ask("auth", organization=second.slug)
        assert (left["op"], left["reason"]) == ("unsubscribed", "organization_changed")
        assert (await client.receive())["organization_id"] == str(second.pk)
        assert (await client.ask("subscribe", topic=there))["op"] == "subscribed"
        assert (await client.ask("subscribe", topic="test.secrets"))["op"] == "subscribed"
        assert (await client.ask("subscribe", topic=stage.topic))["code"] == "not_found"


async def test_the_handshake_may_name_the_organization(
    stage: Stage, token: str, second: Organization
) -> None:
    headers = {"Authorization": f"Bearer {token}", "X-Organization": str(second.pk)}
    assert (await first_message(stage, additional_headers=headers))["organization_id"] == str(second.pk)


async def test_an_organization_of_strangers_is_not_found(
    stage: Stage, token: str, stranger_organization: Organization
) -> None:
    async with open_client(stage.server.url) as client:
        await client.ask("auth", token=token)
        answer = await client.ask("auth", id="x", organization=stranger_organization.slug)
        assert (answer["op"], answer["id"], answer["code"]) == ("error", "x", "not_found")
        assert (await client.ask("ping"))["op"] == "pong"


@pytest.fixture
def stranger_organization(stage: Stage) -> Organization:
    assert stage.actors.stranger.organization is not None
    return stage.actors.stranger.organization


async def test_a_stranger_gets_not_found_and_no_event(stage: Stage, stranger_token: str) -> None:
    """Edge case 17."""
    async with open_client(stage.server.url) as client:
        await client.ask("auth", token=stranger_token)
        answer = await client.ask("subscribe", id="s", topic=stage.topic, after=0)
        assert (answer["op"], answer["id"], answer["code"]) == ("error", "s", "not_found")
        assert (await client.ask("replay", topic=stage.topic, after=0))["code"] == "not_found"
        # A topic that everybody has: theirs is another one than ours.
        await client.ask("subscribe", topic="test.things")
        await stage.publish(1)
        await stage.publish(1, topic="test.things")
        assert (await client.ask("ping", id="p"))["op"] == "pong"


@pytest.fixture
def stranger_token(stage: Stage) -> str:
    return access_token(stage.actors.stranger)


async def test_a_topic_needs_its_permission(stage: Stage, token: str) -> None:
    async with open_client(stage.server.url) as client:
        await client.ask("auth", token=token)
        assert (await client.ask("subscribe", topic="test.secrets"))["code"] == "permission.denied"
        for unknown in ("nothing", "test.things.", "test", "TEST.THINGS", "test.things.\0"):
            assert (await client.ask("subscribe", topic=unknown))["code"] == "not_found"


def test_the_api_and_the_websocket_share_their_credentials(stage: Stage, token: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/api/v1/me").status_code == 200
