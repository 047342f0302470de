"""Who watches a model or a prediction hears how its jobs go, in order."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from apps.accounts.models import Organization
from apps.common.live.streams import Address
from tests.furniture.people import Actors
from tests.furniture.valkey import told
from tests.spatial.forecast_stories import city, create_model, train

pytestmark = pytest.mark.django_db(transaction=True)


def heard(
    valkey: redis.Redis, organization: Organization, topic: str, act: Callable[[], object]
) -> list[tuple[str, Any]]:
    """Return type and data of what a topic carries while something happens."""
    with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(Address(organization.pk, topic).channel)
        pubsub.get_message(timeout=60)  # that it is subscribed
        act()
        frames = [json.loads(message["data"].partition(b"\n")[2]) for message in told(pubsub)]
    return [(frame["type"], frame["data"]) for frame in frames]


def test_a_training_and_a_prediction_are_told_as_they_go(
    actors: Actors, run_jobs: Callable[[], int], valkey: redis.Redis
) -> None:
    organization = actors.organization
    dataset = city(organization)
    model = create_model(actors.analyst, dataset)

    carried = heard(
        valkey, organization, f"models.{model['id']}", lambda: train(actors.analyst, model, run_jobs)
    )
    states = [data["state"] for kind, data in carried if kind == "model.changed"]
    assert states == ["training", "inactive"]
    runs = [data for kind, data in carried if kind == "run.changed"]
    assert [run["progress"] for run in runs] == sorted(run["progress"] for run in runs)
    assert {"panel", "origin 3 of 3", "fit", "importance", "saved"} <= {run["stage"] for run in runs}
    assert (runs[-1]["status"], runs[-1]["origin"], runs[-1]["origins"]) == ("succeeded", 3, 3)

    def activate() -> None:
        actors.manager.api.post(f"/api/v1/models/{model['id']}/activate")

    ((kind, data),) = heard(valkey, organization, "models", activate)
    assert (kind, data["id"], data["state"], data["artifact"]) == ("model.changed", model["id"], "active", 1)

    def evaluate() -> None:
        body = {"dataset": str(dataset.pk)}
        actors.analyst.api.post(f"/api/v1/models/{model['id']}/evaluate", body, format="json")
        run_jobs()

    ((kind, data),) = heard(valkey, organization, f"models.{model['id']}", evaluate)
    assert (kind, data["status"]) == ("evaluation.finished", "succeeded")

    queued = actors.analyst.api.post("/api/v1/predictions", {"model": model["id"]}, format="json").json()
    carried = heard(valkey, organization, f"predictions.{queued['id']}", run_jobs)
    assert {kind for kind, _ in carried} == {"prediction.changed"}
    assert carried[-1][1] == {"status": "succeeded", "progress": 1.0}
