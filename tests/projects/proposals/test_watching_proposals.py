"""Who watches a project hears of its proposals, after the commit."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from apps.accounts.models import Notification
from apps.common.live.streams import Address
from tests.furniture.people import Actors
from tests.furniture.valkey import told
from tests.projects.proposals.renames import Shop, act, apply, digest_of, proposed

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_move_and_decision_is_told(
    actors: Actors, shop: Shop, run_jobs: Callable[[], int], valkey: redis.Redis
) -> None:
    with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        topic = f"projects.{shop.project.pk}"
        pubsub.subscribe(Address(actors.organization.pk, topic).channel)
        pubsub.get_message(timeout=60)  # that it is subscribed
        proposal = proposed(actors.analyst, shop, run_jobs)
        act(actors.analyst, proposal, "decisions", all="approved")
        act(actors.analyst, proposal, "decisions", items=_ticks(proposal))
        apply(actors.manager, proposal, digest_of(actors.analyst, proposal))
        run_jobs()
        frames = [json.loads(message["data"].partition(b"\n")[2]) for message in told(pubsub)]
    carried = [frame["data"] for frame in frames if frame["type"] == "proposal.changed"]
    assert {data["id"] for data in carried} == {str(proposal.pk)}
    states = [data["state"] for data in carried]
    assert [state for index, state in enumerate(states) if states[:index][-1:] != [state]] == [
        "analysing", "proposed", "applying", "applied",
    ]  # fmt: skip
    versions = [data["version"] for data in carried]
    assert versions == sorted(versions)
    kinds = Notification.objects.filter(user=actors.analyst.user).values_list("kind", flat=True)
    assert sorted(kinds) == ["projects.proposal_applied", "projects.proposal_ready"]


def _ticks(proposal: Any) -> list[dict[str, Any]]:
    return [
        {"file_id": row.ordinal, "edits": {edit["id"]: True for edit in row.edits}}
        for row in proposal.files.all()
    ]
