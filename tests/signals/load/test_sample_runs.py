"""The three sample runs give exactly the rows that the format page states."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.signals.models import Run, RunFile
from apps.signals.states import RunStatus
from tests.factories.accounts import OrganizationFactory

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not SAMPLES.exists(), reason="the sample runs of ../shared/data are not here"),
]
RUNS = ("20260215120000", "20260315120000", "20260415120000")


@pytest.fixture
def load(settings: Any, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    settings.RUNS_ROOT = str(SAMPLES)
    OrganizationFactory.create(slug="team")

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = 0
        try:
            call_command("load_run", *arguments, "--organization", "team", "--json")
        except SystemExit as end:
            code = int(end.code or 0)
        except CommandError as error:
            return error.returncode, {"error": str(error)}
        return code, json.loads(capsys.readouterr().out.strip().splitlines()[-1])

    return run


def test_each_sample_run_gives_its_rows(load: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    for run_id, lines, entities, classifications in zip(
        RUNS, (342, 338, 342), (178, 176, 178), (89, 88, 89), strict=True
    ):
        code, report = load(f"demo_graph/{run_id}")
        assert code == 0, report
        assert report["rows"] == {
            "raw_node_results": 4,
            "raw_entity_results": entities,
            "raw_classifications": classifications,
            "raw_contributions": classifications - 18,
            "raw_modeling_runs": 1,
            "raw_modeling_experiments": 2,
            "raw_modeling_drivers": 6,
            "raw_narratives": 3,
            "raw_documents": 4,
        }
        assert report["lines"] == lines
        run = Run.objects.get(run_id=run_id)
        assert run.status == RunStatus.LOADED
        assert RunFile.objects.filter(run=run).count() == 17
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM raw_entity_results")
        assert cursor.fetchone() == (178 + 176 + 178,)
