"""Forecast models over the API: who may, what is refused, activation and rollback."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.datasets.models import Dataset
from apps.spatial import forecast_services, pruning
from apps.spatial.models import Artifact, Evaluation, ForecastModel, Prediction, TrainingRun
from apps.spatial.training.artifact_files import store_file
from tests.furniture.people import Actors, Person
from tests.furniture.query_counts import Check
from tests.spatial.forecast_stories import city, create_model, train

pytestmark = pytest.mark.django_db
Json = dict[str, Any]
RunJobs = Callable[[], int]


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    return city(actors.organization)


@pytest.fixture
def trained(actors: Actors, run_jobs: RunJobs, dataset: Dataset) -> Json:
    """Return a model with one artifact."""
    model = create_model(actors.analyst, dataset)
    train(actors.analyst, model, run_jobs)
    return model


def call(person: Person, model: Json, act: str, **body: Any) -> Any:
    return person.api.post(f"/api/v1/models/{model['id']}/{act}", body, format="json")


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def more_artifacts(model: Json, number: int) -> None:
    """Add artifacts that are copies of the first."""
    first = Artifact.objects.get(model=model["id"], number=1)
    with default_storage.open(first.storage_name) as file:
        content = file.read()
    for at in range(2, 2 + number):
        name = store_file(f"forecasts/copies/{at}.zip", content)
        Artifact.objects.create(
            model=first.model, number=at, storage_name=name, sha256=first.sha256, dataset_version=1,
            serving_method=first.serving_method, metrics=first.metrics, card=first.card,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"resolution": 4}, 422),
        ({"resolution": 10}, 422),
        ({"period": "hour"}, 422),
        ({"horizon": 13}, 422),
        ({"origins": 2}, 422),
        ({"origins": 25}, 422),
        ({"hyperparameters": {"depth": 3}}, 422),
        ({"hyperparameters": {"max_iter": 49}}, 422),
        ({"name": ""}, 422),
        ({"state": "active"}, 422),
        ({"dataset": "01a22b50-7ca0-7691-ab6a-2a65eacefddb"}, 404),
        ({"area": "01a22b50-7ca0-7691-ab6a-2a65eacefddb"}, 404),
    ],
)
def test_a_model_outside_the_limits_is_refused(
    actors: Actors, dataset: Dataset, wrong: Json, status: int
) -> None:
    body = {"name": "x", "dataset": str(dataset.pk), "period": "week", **wrong}
    response = actors.analyst.api.post("/api/v1/models", body, format="json")
    assert response.status_code == status, response.content


def test_who_may_do_what(actors: Actors, dataset: Dataset) -> None:
    model = create_model(actors.analyst, dataset)
    people = ("viewer", "analyst", "manager", "stranger", "anonymous")

    def statuses(act: Callable[[Person], Any]) -> list[int]:
        return [act(actors[name]).status_code for name in people]

    address = f"/api/v1/models/{model['id']}"
    body = {"name": "x", "dataset": str(dataset.pk), "period": "week"}
    assert statuses(lambda p: p.api.get(address)) == [200, 200, 200, 404, 401]
    assert statuses(lambda p: p.api.get(f"{address}/runs")) == [200, 200, 200, 404, 401]
    assert statuses(lambda p: p.api.get(f"{address}/metrics")) == [404, 404, 404, 404, 401]
    assert statuses(lambda p: p.api.post("/api/v1/models", body, format="json")) == [403, 201, 201, 404, 401]
    assert statuses(lambda p: call(p, model, "train")) == [403, 202, 409, 404, 401]
    assert statuses(lambda p: call(p, model, "activate")) == [403, 403, 409, 404, 401]
    assert statuses(lambda p: p.api.delete(address)) == [403, 403, 204, 404, 401]


def test_a_draft_can_be_changed_and_a_trained_model_only_named(
    actors: Actors, run_jobs: RunJobs, dataset: Dataset
) -> None:
    model = create_model(actors.analyst, dataset)
    address = f"/api/v1/models/{model['id']}"
    changed = actors.analyst.api.patch(address, {"resolution": 7, "tag": "night"}, format="json").json()
    assert (changed["resolution"], changed["tag"]) == (7, "night")
    train(actors.analyst, model, run_jobs)
    assert code(actors.analyst.api.patch(address, {"resolution": 8}, format="json")) == (
        409, "spatial.model_fixed",
    )  # fmt: skip
    assert actors.analyst.api.patch(address, {"name": "Nights"}, format="json").json()["name"] == "Nights"


def test_the_active_model_of_a_slot_gives_way_and_cannot_be_deleted(
    actors: Actors, run_jobs: RunJobs, dataset: Dataset, trained: Json
) -> None:
    other = create_model(actors.analyst, dataset, name="Other")
    assert code(call(actors.manager, other, "activate")) == (409, "spatial.model_not_trained")
    train(actors.analyst, other, run_jobs)
    assert call(actors.manager, trained, "activate").json()["state"] == "active"
    assert code(actors.manager.api.delete(f"/api/v1/models/{trained['id']}")) == (409, "spatial.model_active")
    assert call(actors.manager, other, "activate").json()["state"] == "active"
    states = dict(ForecastModel.objects.values_list("name", "state"))
    assert states == {"Weekly": "inactive", "Other": "active"}
    assert code(call(actors.manager, trained, "deactivate")) == (409, "spatial.model_not_active")
    assert call(actors.manager, other, "deactivate").json()["state"] == "inactive"
    name = Artifact.objects.get(model=other["id"]).storage_name
    assert default_storage.exists(name)


def test_a_tag_of_an_active_model_cannot_move_into_a_taken_slot(
    actors: Actors, run_jobs: RunJobs, dataset: Dataset, trained: Json
) -> None:
    other = create_model(actors.analyst, dataset, tag="night")
    train(actors.analyst, other, run_jobs)
    for model in (trained, other):
        assert call(actors.manager, model, "activate").status_code == 200
    response = actors.analyst.api.patch(f"/api/v1/models/{other['id']}", {"tag": ""}, format="json")
    assert code(response) == (409, "spatial.slot_taken")


def test_training_changes_nothing_that_serves_until_it_is_activated(
    actors: Actors, run_jobs: RunJobs, trained: Json
) -> None:
    call(actors.manager, trained, "activate")
    train(actors.analyst, trained, run_jobs)
    address = f"/api/v1/models/{trained['id']}"
    shown = actors.viewer.api.get(address).json()
    assert (shown["state"], shown["artifact"]) == ("active", 1)
    assert call(actors.manager, trained, "activate").json()["artifact"] == 2
    assert call(actors.manager, trained, "rollback", artifact=1).json()["artifact"] == 1
    assert call(actors.manager, trained, "rollback", artifact=3).status_code == 404


def test_a_pruned_artifact_is_gone_and_a_flipped_byte_refused(actors: Actors, trained: Json) -> None:
    """Edge case 24."""
    more_artifacts(trained, 6)
    now = timezone.now()
    # Of seven the last five and the serving first one stay.
    assert pruning.drop_artifacts(now) == 1
    assert pruning.drop_artifacts(now) == 0
    assert code(call(actors.manager, trained, "rollback", artifact=2)) == (404, "spatial.artifact_gone")
    damaged = Artifact.objects.get(number=4)
    with default_storage.open(damaged.storage_name) as file:
        content = bytearray(file.read())
    content[len(content) // 2] ^= 1
    default_storage.delete(damaged.storage_name)
    default_storage.save(damaged.storage_name, ContentFile(bytes(content)))
    assert code(call(actors.manager, trained, "rollback", artifact=4)) == (409, "spatial.artifact_corrupt")
    assert call(actors.manager, trained, "rollback", artifact=5).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_activations_at_once_one_stays_active(actors: Actors, run_jobs: RunJobs) -> None:
    """Edge case 24."""
    dataset = city(actors.organization)
    models = [create_model(actors.analyst, dataset, name=name) for name in ("a", "b", "c")]
    for model in models:
        train(actors.analyst, model, run_jobs)
    actor = actors.manager.actor
    rows = list(ForecastModel.objects.order_by("name"))

    def activate(row: ForecastModel) -> str:
        try:
            return forecast_services.activate_model(actor=actor, model=row).state
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(activate, rows)) == ["active"] * 3
    states = sorted(ForecastModel.objects.values_list("state", flat=True))
    assert states == ["active", "inactive", "inactive"]


def test_deleting_removes_the_files_and_leaves_predictions(
    actors: Actors, run_jobs: RunJobs, trained: Json, django_capture_on_commit_callbacks: Any
) -> None:
    made = actors.analyst.api.post("/api/v1/predictions", {"model": trained["id"]}, format="json").json()
    run_jobs()
    name = Artifact.objects.get().storage_name
    with django_capture_on_commit_callbacks(execute=True):
        assert actors.manager.api.delete(f"/api/v1/models/{trained['id']}").status_code == 204
    assert not default_storage.exists(name)
    shown = actors.viewer.api.get(f"/api/v1/predictions/{made['id']}").json()
    assert (shown["model"], shown["summary"]["model"]["id"]) == (None, trained["id"])


def test_an_evaluation_judges_the_artifact_by_other_data(
    actors: Actors, run_jobs: RunJobs, trained: Json
) -> None:
    other = city(actors.organization, name="Other", seed=9, weeks=20)
    response = call(actors.analyst, trained, "evaluate", dataset=str(other.pk))
    assert response.status_code == 202, response.content
    run_jobs()
    (found,) = actors.viewer.api.get(response["Location"]).json()["results"]
    assert (found["status"], found["artifact"], found["dataset_version"]) == ("succeeded", 1, 1)
    assert found["metrics"]["periods"] == ["2024-04-29", "2024-05-06", "2024-05-13"]
    assert set(found["metrics"]["methods"]) == {"boosting", "mean", "decay", "last"}
    window = {"from": "2024-03-01", "to": "2024-04-01"}
    call(actors.analyst, trained, "evaluate", dataset=str(other.pk), **window)
    call(actors.analyst, trained, "evaluate", dataset=str(other.pk), to="2024-01-20")
    run_jobs()
    newest, second, _ = actors.viewer.api.get(response["Location"]).json()["results"]
    assert second["metrics"]["periods"] == ["2024-03-04", "2024-03-11", "2024-03-18", "2024-03-25"]
    assert newest["error"]["code"] == "spatial.history_too_short"


def test_lists_take_the_same_queries_for_one_row_and_for_twenty(
    actors: Actors, same_queries: Check, dataset: Dataset
) -> None:
    def make_model() -> ForecastModel:
        row = ForecastModel.objects.create(
            organization=actors.organization, dataset=dataset, name="m", period="week",
            created_by=actors.admin.user,
        )  # fmt: skip
        row.artifact = Artifact.objects.create(
            model=row, number=1, sha256="", dataset_version=1, serving_method="mean"
        )
        row.save()
        return row

    model = make_model()
    numbers = iter(range(2, 99))

    def make_artifact() -> Artifact:
        return Artifact.objects.create(
            model=model, number=next(numbers), sha256="", dataset_version=1, serving_method="mean"
        )

    def made(kind: Any, **fields: Any) -> Callable[[], Any]:
        return lambda: kind.objects.create(
            created_by=actors.admin.user, status="failed", model=model, **fields
        )

    artifact = {"artifact": model.artifact}
    lists: dict[str, Callable[[], Any]] = {
        "models": make_model,
        "models/{id}/runs": made(TrainingRun, **artifact),
        "models/{id}/artifacts": make_artifact,
        "models/{id}/evaluations": made(Evaluation, dataset=dataset, **artifact),
        "predictions": made(Prediction, organization=actors.organization, **artifact),
    }
    for path, make in lists.items():
        address = f"/api/v1/{path}".replace("{id}", str(model.pk))
        same_queries(f"GET /api/v1/{path}", make, lambda at=address: actors.viewer.api.get(at))  # type: ignore[misc]


def test_operators_see_models_and_act_by_services(actors: Actors, trained: Json) -> None:
    user = User.objects.create(email="operator@example.com", name="Operator", is_staff=True)
    staff = Client()
    staff.force_login(user)
    call(actors.manager, trained, "activate")
    for table in ("forecastmodel", "artifact", "trainingrun", "evaluation", "prediction"):
        assert staff.get(f"/admin/spatial/{table}/").status_code == 200, table
    page = staff.get(f"/admin/spatial/forecastmodel/{trained['id']}/change/").content.decode()
    assert "hit_rate" in page
    body = {"action": "deactivate", "_selected_action": [trained["id"]]}
    assert staff.post("/admin/spatial/forecastmodel/", body).status_code == 302
    assert ForecastModel.objects.get().state == "inactive"


def test_old_predictions_go(actors: Actors, dataset: Dataset) -> None:
    for days, status in ((89, "succeeded"), (91, "succeeded"), (91, "failed"), (91, "queued")):
        row = Prediction.objects.create(organization=actors.organization, status=status)
        Prediction.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=days))
    assert pruning.drop_predictions(timezone.now()) == 2
    assert sorted(Prediction.objects.values_list("status", flat=True)) == ["queued", "succeeded"]
