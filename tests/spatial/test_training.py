"""A model is trained by a job: panel, rolling origin, artifact, metrics, and what can go wrong."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import h3.api.basic_int as h3
import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.accounts.models import Notification
from apps.datasets.models import Dataset, Version
from apps.datasets.reading.rows import Precision
from apps.spatial import pruning
from apps.spatial.models import Artifact, ForecastModel, TrainingRun
from tests.factories.datasets import EventRow, publish, published_dataset
from tests.furniture.people import Actors
from tests.spatial.forecast_stories import START, WEEKS, city, create_model, events, train

pytestmark = pytest.mark.django_db
Json = dict[str, Any]
RunJobs = Callable[[], int]


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    return city(actors.organization)


def start(actors: Actors, model: Json, **body: Any) -> Any:
    return actors.analyst.api.post(f"/api/v1/models/{model['id']}/train", body, format="json")


def read(actors: Actors, model: Json, part: str = "") -> Any:
    return actors.viewer.api.get(f"/api/v1/models/{model['id']}{part}").json()


def test_a_training_saves_an_artifact_with_metrics_and_card(
    actors: Actors, run_jobs: RunJobs, dataset: Dataset
) -> None:
    model = create_model(actors.analyst, dataset)
    assert (model["state"], model["artifact"], model["training"]) == ("draft", None, False)
    run = train(actors.analyst, model, run_jobs)
    assert (run["status"], run["progress"], run["artifact"]) == ("succeeded", 1.0, 1)
    assert (run["origin"], run["origins"], run["dataset_version"]) == (3, 3, 1)
    shown = read(actors, model)
    assert (shown["state"], shown["artifact"], shown["dataset_version"]) == ("inactive", 1, 1)
    body = read(actors, model, "/metrics")
    assert set(body["metrics"]["methods"]) == {"boosting", "mean", "decay", "last"}
    assert body["serving_method"] == shown["serving_method"] == body["metrics"]["serving_method"]
    assert set(body["metrics"]["importance"]) >= {"lag_1", "mean", "ring_lag"}
    card = body["card"]
    assert card["data"]["version"] == 1
    assert card["window"] == {"period": "week", "first": "2024-01-01", "last": "2024-04-15", "periods": WEEKS}
    assert card["feedback"]
    assert read(actors, model, "/status") == {
        "state": "inactive", "progress": 1.0, "stage": "saved", "message": "",
    }  # fmt: skip
    notice = Notification.objects.get(user=actors.analyst.user)
    assert notice.title == "The training of Weekly has finished"


def test_stored_baselines_are_what_a_short_script_makes_of_the_rows(
    actors: Actors, run_jobs: RunJobs, dataset: Dataset
) -> None:
    """Proof 8."""
    model = create_model(actors.analyst, dataset)
    stored = train(actors.analyst, model, run_jobs)["metrics"]
    week = [(row.occurred_at - START) // timedelta(weeks=1) for row in events()]
    cell = [h3.cell_to_parent(row.cell, 8) for row in events()]
    first = WEEKS - 3
    occupied = {c for c, w in zip(cell, week, strict=True) if w < first}
    study = sorted({near for c in occupied for near in h3.grid_disk(c, 1)})
    place = {c: n for n, c in enumerate(study)}
    counts = np.zeros((len(study), WEEKS))
    for c, w in zip(cell, week, strict=True):
        if c in place:
            counts[place[c], w] += 1
    forecasts: dict[str, Callable[[Any], Any]] = {
        "last": lambda past: past[:, -1],
        "mean": lambda past: past[:, -8:].mean(axis=1),
        "decay": lambda past: np.average(past, axis=1, weights=0.8 ** np.arange(past.shape[1])[::-1]),
    }
    for name, forecast in forecasts.items():
        rates, deviances = [], []
        for w in range(first, WEEKS):
            mu, seen = forecast(counts[:, :w]), counts[:, w]
            tie = counts[:, max(0, w - 8) : w].mean(axis=1)
            order = sorted((-mu[n], -tie[n], study[n], n) for n in range(len(study)))
            top = [n for *_, n in order[: int(np.ceil(len(study) * 0.05))]]
            rates.append(seen[top].sum() / week.count(w))
            floor = np.maximum(mu, 0.5 / first)
            logs = np.array([y * np.log(y / m) if y else 0.0 for y, m in zip(seen, floor, strict=True)])
            deviances.append((2 * (logs - seen + floor)).mean())
        assert stored["cells"] == len(study)
        assert stored["methods"][name]["hit_rate"]["5"] == pytest.approx(np.mean(rates), abs=1e-9), name
        assert stored["methods"][name]["deviance"] == pytest.approx(np.mean(deviances), abs=1e-9), name


def test_the_same_inputs_give_the_same_bytes(actors: Actors, run_jobs: RunJobs, dataset: Dataset) -> None:
    model = create_model(actors.analyst, dataset)
    train(actors.analyst, model, run_jobs)
    train(actors.analyst, model, run_jobs)
    train(actors.analyst, model, run_jobs, hyperparameters={"max_iter": 60})
    digests = list(Artifact.objects.order_by("number").values_list("sha256", flat=True))
    assert digests[0] == digests[1] != digests[2]
    shown = actors.viewer.api.get(f"/api/v1/models/{model['id']}/artifacts").json()["results"]
    assert [each["number"] for each in shown] == [3, 2, 1]


def test_a_second_training_at_once_is_refused(actors: Actors, dataset: Dataset) -> None:
    model = create_model(actors.analyst, dataset)
    assert start(actors, model).status_code == 202
    response = start(actors, model)
    assert (response.status_code, response.json()["code"]) == (409, "spatial.training_running")
    assert read(actors, model)["training"] is True


def test_a_deleted_dataset_can_be_trained_on_no_more(
    actors: Actors, run_jobs: RunJobs, dataset: Dataset
) -> None:
    """Edge case 25."""
    model = create_model(actors.analyst, dataset)
    start(actors, model)
    Dataset.objects.filter(pk=dataset.pk).update(deleted_at=timezone.now())
    run_jobs()
    run = TrainingRun.objects.get()
    assert (run.status, run.error_code) == ("failed", "datasets.gone")
    assert read(actors, model)["state"] == "failed"
    response = start(actors, model)
    assert (response.status_code, response.json()["code"]) == (409, "datasets.gone")


def test_a_retraining_uses_the_current_version_once_the_old_one_was_dropped(
    actors: Actors, run_jobs: RunJobs, dataset: Dataset
) -> None:
    """Edge case 25."""
    model = create_model(actors.analyst, dataset)
    train(actors.analyst, model, run_jobs)
    publish(dataset, [events(seed=2)])
    Version.objects.filter(number=1).update(dropped_at=timezone.now())
    gone = start(actors, model, version=1)
    assert (gone.status_code, gone.json()["code"]) == (404, "datasets.version_gone")
    assert train(actors.analyst, model, run_jobs)["dataset_version"] == 2
    assert read(actors, model)["artifact"] == 2


def test_too_short_a_history_fails_the_run_and_leaves_an_older_artifact_in_place(
    actors: Actors, run_jobs: RunJobs, dataset: Dataset
) -> None:
    short = create_model(actors.analyst, dataset, origins=12)
    assert train(actors.analyst, short, run_jobs)["error"]["code"] == "spatial.history_too_short"
    assert read(actors, short)["state"] == "failed"
    assert read(actors, short, "/status")["message"].startswith("The data hold 16 whole periods")
    model = create_model(actors.analyst, dataset)
    train(actors.analyst, model, run_jobs)
    publish(dataset, [events(weeks=9)])
    assert train(actors.analyst, model, run_jobs)["status"] == "failed"
    assert (read(actors, model)["state"], read(actors, model)["artifact"]) == ("inactive", 1)


def test_only_the_named_categories_are_counted(actors: Actors, run_jobs: RunJobs, dataset: Dataset) -> None:
    model = create_model(actors.analyst, dataset, categories=["noise"])
    train(actors.analyst, model, run_jobs)
    noise = sum(row.category == "noise" for row in events())
    assert read(actors, model, "/metrics")["card"]["data"]["events"] == noise
    body = {"name": "x", "dataset": str(dataset.pk), "period": "week", "categories": ["noice"]}
    response = actors.analyst.api.post("/api/v1/models", body, format="json")
    assert (response.status_code, response.json()["code"]) == (422, "spatial.category_unknown")
    assert response.json()["errors"][0]["pointer"] == "/categories/0"


def test_months_are_whole_for_data_of_month_precision(actors: Actors, run_jobs: RunJobs) -> None:
    """Edge case 23: one cell, a gap in the history, an empty last period by category."""
    rows = [
        EventRow(51.5, -0.1, START.replace(month=month), category="a", precision=Precision.MONTH)
        for month in range(1, 12)
        if month != 5
    ]
    rows.append(EventRow(51.5, -0.1, START.replace(month=12), category="b", precision=Precision.MONTH))
    data = published_dataset(rows, organization=actors.organization, name="Months", zone="Europe/London")
    model = create_model(actors.analyst, data, period="month", categories=["a"])
    run = train(actors.analyst, model, run_jobs)
    assert run["status"] == "succeeded", run
    assert run["metrics"]["periods"] == ["2024-10-01", "2024-11-01", "2024-12-01"]
    assert run["metrics"]["empty_periods"] == 1


def test_a_cancelled_training_leaves_the_model_failed_and_no_file(
    actors: Actors, dataset: Dataset, django_capture_on_commit_callbacks: Any
) -> None:
    model = create_model(actors.analyst, dataset)
    run = start(actors, model).json()
    ForecastModel.objects.update(state="training")  # as if its worker had begun and died
    with django_capture_on_commit_callbacks(execute=True):
        response = actors.manager.api.post(f"/api/v1/jobs/{run['id']}/cancel")
    assert response.status_code in {200, 202}, response.content
    assert read(actors, model)["state"] == "failed"
    assert not default_storage.exists("forecasts")


def test_a_model_whose_training_was_lost_is_settled_by_the_clock(actors: Actors, dataset: Dataset) -> None:
    model = create_model(actors.analyst, dataset)
    ForecastModel.objects.update(state="training")
    assert pruning.settle_models(timezone.now()) == 1
    assert read(actors, model)["state"] == "failed"


def test_a_training_over_its_time_fails(
    actors: Actors, run_jobs: RunJobs, dataset: Dataset, settings: Any
) -> None:
    settings.SPATIAL_TRAIN_LIMIT_S = -1
    run = train(actors.analyst, create_model(actors.analyst, dataset), run_jobs)
    assert (run["status"], run["error"]["code"]) == ("failed", "job.timeout")
