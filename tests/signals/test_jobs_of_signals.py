"""The jobs of the pipeline on the board of jobs: each is shown to who may see signals, with its run."""

import pytest

from apps.signals.models import DbtBuild, Hydration, Run, RunLoad
from tests.factories.signals import GraphFactory, RunFactory
from tests.furniture.people import Actors


@pytest.fixture
def run(actors: Actors) -> Run:
    """Give a run of the actors' organization."""
    return RunFactory.create(graph=GraphFactory.create(organization=actors.organization))


def test_each_stage_is_a_job_that_leads_to_its_run(actors: Actors, run: Run) -> None:
    common = {"organization": run.organization, "status": "succeeded"}
    rows = [
        RunLoad.objects.create(run=run, **common),
        DbtBuild.objects.create(run_ids=[run.pk], schema="public", **common),
        Hydration.objects.create(run=run, graph=run.graph, **common),
    ]

    for row in rows:
        answer = actors.viewer.api.get(f"/api/v1/jobs/{row.pk}")
        assert answer.status_code == 200, answer.content
        assert answer.json()["target"]["url"].endswith(f"/api/v1/signals/runs/{run.pk}")
        assert actors.stranger.api.get(f"/api/v1/jobs/{row.pk}").status_code == 404
    shown = {job["kind"] for job in actors.viewer.api.get("/api/v1/jobs").json()["results"]}
    assert shown == {"signals.load", "signals.build", "signals.hydrate"}
