"""Notices arrive live at the person they are for, and at nobody else."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.accounts.models import Notification
from apps.accounts.services import notify, sign_in
from tests.factories.accounts import PASSWORD, OrganizationFactory
from tests.furniture.people import Person
from tests.live.conftest import Stage, open_client, user_of

TOPIC = "notifications"
KIND = "accounts.invited"


def tell(person: Person, key: str) -> None:
    # Of another organization than the one they watch in: notices follow the person.
    elsewhere = OrganizationFactory.create(name="Elsewhere")
    notify(user=user_of(person), kind=KIND, title=f"Come {key}", organization=elsewhere, dedupe_key=key)


def call(person: Person, method: str, url: str) -> Any:
    return getattr(person.api, method)(url)


@pytest.fixture
def tokens(stage: Stage) -> dict[str, str]:
    people = (stage.actors.viewer, stage.actors.manager)
    return {p.name: sign_in(email=user_of(p).email, password=PASSWORD).access for p in people}


async def test_a_notice_its_reading_and_the_count_reach_their_person_alone(
    stage: Stage, tokens: dict[str, str]
) -> None:
    viewer = stage.actors.viewer
    async with open_client(stage.server.url) as client, open_client(stage.server.url) as other:
        for connection, name in ((client, "viewer"), (other, "manager")):
            await connection.ask("auth", token=tokens[name])
            assert (await connection.ask("subscribe", topic=TOPIC, after=0))["op"] == "subscribed"

        await sync_to_async(tell)(viewer, "a")
        created, count = await client.events(2)
        assert (created["type"], created["data"]["title"]) == ("notification.created", "Come a")
        assert created["data"]["organization"]["name"] == "Elsewhere"
        assert (count["type"], count["data"]) == (
            "notification.unread_count",
            {"count": 1, "count_capped": False},
        )

        notice = await Notification.objects.aget()
        url = f"/api/v1/notifications/{notice.pk}"
        listed = await sync_to_async(call)(viewer, "get", url)
        assert created["data"] == listed.json()

        for path, is_read, unread in (("read", True, 0), ("unread", False, 1)):
            await sync_to_async(call)(viewer, "post", f"{url}/{path}")
            told, count = await client.events(2)
            assert (told["type"], told["data"]["ids"]) == ("notification.read", [str(notice.pk)])
            assert (told["data"]["read_at"] is not None) is is_read
            assert count["data"]["count"] == unread

        await sync_to_async(call)(viewer, "delete", url)
        gone, count = await client.events(2)
        assert (gone["type"], gone["data"]) == ("notification.deleted", {"ids": [str(notice.pk)]})
        assert count["data"]["count"] == 0

        # Whatever had been sent to the other would stand before this answer.
        assert (await other.ask("ping"))["op"] == "pong"
        position = await other.ask("subscribe", topic=TOPIC, after=0)
        assert position["seq"] == 0
