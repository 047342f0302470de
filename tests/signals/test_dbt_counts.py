"""dbt makes of the sample runs exactly the rows and types that the format page states."""

import json
from typing import Any, Final

import pytest
from django.db import connection

from apps.signals.models import Run, RunFinding
from tests.signals.databases import SAMPLES

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not SAMPLES.exists(), reason="the sample runs of ../shared/data are not here"),
]
ROWS: Final = {
    "staging.stg_nodes": (4, 4, 4),
    "staging.stg_node_edges": (6, 6, 6),
    "staging.stg_statistical_methods": (445, 440, 445),
    "staging.stg_anomalies": (623, 616, 623),
    "staging.stg_global_statistics": (20, 20, 20),
    "staging.stg_percentile_trends": (2, 2, 2),
    "marts.fct_signals": (89, 88, 89),
    "marts.fct_contributions": (71, 70, 71),
    "marts.fct_model_experiments": (2, 2, 2),
    "marts.fct_model_drivers": (6, 6, 6),
    "marts.dim_facilities": (18, 18, 18),
    "marts.dim_metrics": (1, 1, 1),
}
TYPES: Final = (
    "baseline", "improving_leader", "sustained_excellence", "emerging_risk", "chronic_underperformer",
    "critical_trajectory",
)  # fmt: skip
COMPUTED: Final = ((43, 19, 4, 18, 5, 0), (42, 19, 4, 15, 7, 1), (41, 21, 4, 17, 5, 1))
REPORTED: Final = ((34, 14, 12, 18, 11, 0), (35, 14, 13, 15, 10, 1), (36, 13, 12, 17, 10, 1))


def rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def counted(run: Run, column: str) -> tuple[int, ...]:
    found = dict(
        rows(f"SELECT {column}, count(*) FROM public_marts.fct_signals WHERE run_id = %s GROUP BY 1", run.pk)
    )
    assert set(found) <= set(TYPES)
    return tuple(found.get(kind, 0) for kind in TYPES)


@pytest.mark.parametrize(("relation", "expected"), ROWS.items())
def test_each_relation_has_its_rows_of_each_run(
    built_runs: list[Run], relation: str, expected: tuple[int, ...]
) -> None:
    counts = dict(rows(f"SELECT run_id, count(*) FROM public_{relation} GROUP BY run_id"))

    assert tuple(counts[run.pk] for run in built_runs) == expected


def test_types_are_computed_and_the_reported_ones_kept(built_runs: list[Run]) -> None:
    assert tuple(counted(run, "signal_type") for run in built_runs) == COMPUTED
    assert tuple(counted(run, "reported_type") for run in built_runs) == REPORTED


def test_findings_say_what_the_files_get_wrong(built_runs: list[Run]) -> None:
    for run, mismatched, differing in zip(built_runs, (17, 18, 17), (14, 12, 13), strict=True):
        found = RunFinding.objects.filter(run=run, code__startswith="build.")
        assert dict(found.values_list("code", "count")) == {
            "build.contribution_parent_mismatch": mismatched,
            "build.reported_type_differs": differing,
        }


def test_a_severity_says_how_it_came_about(built_runs: list[Run]) -> None:
    statement = (
        "SELECT signal_type, severity, severity_calculation FROM public_marts.fct_signals"
        " WHERE run_id = %s AND facility_id = 'FAC001' AND dimensions = '[]'"
    )
    first, _, third = ((rows(statement, run.pk)[0]) for run in built_runs)

    assert first[:2] == ("chronic_underperformer", 84)
    assert third[:2] == ("baseline", 36)
    calculation = json.loads(first[2])
    assert calculation["base"] == 82
    assert [(each["factor"], each["reason"], each["adjustment"]) for each in calculation["refinements"]] == [
        ("position", "elevated", 2),
        ("trend", "worsening", 1),
        ("momentum", "decelerating", -1),
        ("consistency", "consistent", 0),
        ("volume", "usual_volume", 0),
    ]


def test_contributions_are_ranked_by_their_excess(built_runs: list[Run]) -> None:
    first = rows(
        "SELECT child_entity ->> 'vizientServiceLine', excess_over_parent, weight_share, share_valid, rank"
        " FROM public_marts.fct_contributions"
        " WHERE run_id = %s AND parent_entity ->> 'medicareId' = 'FAC001' ORDER BY rank",
        built_runs[0].pk,
    )

    assert first[0] == ("General Medicine", 0.05041, 0.274621, True, 1)
    assert [row[4] for row in first] == [1, 2, 3, 4]
