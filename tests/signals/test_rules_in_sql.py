"""The seeds say what the rules in Python say, and SQL classifies as these do."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import connection

from apps.signals.models import CONTENT_COLUMNS, Run
from apps.signals.rules.classification import classify_fully
from apps.signals.rules.indicators import MAGNITUDE_TIERS
from apps.signals.rules.inputs import Inputs, Polarity, SignalType
from apps.signals.rules.meaning import DOMAIN_TERMS, METRIC_CATALOG
from apps.signals.rules.severity import SEVERITY_PARTS, Part
from apps.signals.rules.table import RULES, RULES_VERSION, Condition, Rule
from apps.signals.states import ATTENTION_TYPES
from apps.signals.storage.mart_schema import CONTENT, MARTS
from tests.signals.databases import APP

pytestmark = pytest.mark.django_db
SEEDS: Final = APP / "dbt" / "seeds"
BOUNDS: Final = {"at_least": ">=", "below": "<"}
FLAGS: Final = {"suppressed": Condition("suppressed", "is true"), "z_null": Condition("Z", "is null")} | {
    "p_null": Condition("P", "is null")
}
SYMBOLS: Final = {"z": "Z", "p": "P", "s": "S", "x": "X", "n": "n"}
RAW_SQL: Final = """
SELECT s.signal_key, s.polarity, a.payload, t.payload, i.encounters_rank,
       s.signal_type, s.severity, s.severity_calculation, s.position, s.trend, s.momentum, s.consistency,
       s.has_spike, s.magnitude_tier, s.trajectory_tier, s.consistency_tier
FROM public_marts.fct_signals s
JOIN public_intermediate.int_signal_inputs i ON i.run_id = s.run_id AND i.signal_key = s.signal_key
JOIN raw_entity_results a
  ON a.run_id = s.run_id AND a.file_id = s.aggregate_file_id AND a.line_no = s.aggregate_line
LEFT JOIN raw_entity_results t
  ON t.run_id = s.run_id AND t.file_id = s.temporal_file_id AND t.line_no = s.temporal_line
WHERE s.run_id = %s
"""


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_seed_of_rules_is_the_table_of_rules() -> None:
    found: dict[int, list[dict[str, str]]] = {}
    for row in seed("signal_rules"):
        found.setdefault(int(row["number"]), []).append(row)

    assert [rule_of(rows) for rows in found.values()] == [sorted_rule(rule) for rule in RULES]
    assert {int(row["version"]) for row in seed("signal_rules")} == {RULES_VERSION}


def rule_of(rows: list[dict[str, str]]) -> Any:
    first = rows[0]
    alternatives = tuple(tuple(sorted(conditions_of(row), key=repr)) for row in rows)
    return (
        int(first["number"]), SignalType(first["type"]), alternatives if any(alternatives) else (),
        first["attention"] == "true", int(first["low"]), int(first["high"]), int(first["base"]),
        first["directional"] == "true",
    )  # fmt: skip


def sorted_rule(rule: Rule) -> Any:
    # The order of alternatives means nothing: one of them must hold.
    return (
        rule.number, rule.type, tuple(tuple(sorted(every, key=repr)) for every in rule.alternatives),
        rule.attention, rule.low, rule.high, rule.base, rule.directional,
    )  # fmt: skip


def conditions_of(row: dict[str, str]) -> Iterator[Condition]:
    for name, value in row.items():
        if not value:
            continue
        if name in FLAGS:
            yield FLAGS[name]
        letter, _, kind = name.partition("_")
        if kind in BOUNDS:
            yield Condition(SYMBOLS[letter], BOUNDS[kind], float(value))


def test_the_seed_of_severity_parts_is_the_table_of_bands() -> None:
    found = [
        Part(
            row["factor"],
            float(row["below"]) if row["below"] else None,
            row["label"],
            int(row["adjustment"]),
            row["inclusive"] == "true",
        )
        for row in seed("severity_parts")
    ]

    assert found == [*SEVERITY_PARTS, *MAGNITUDE_TIERS]


def test_the_seeds_of_meanings_are_the_tables_of_meanings() -> None:
    catalog = {row["metric_id"]: (row["domain"], Polarity(row["polarity"])) for row in seed("metric_catalog")}

    assert catalog == METRIC_CATALOG
    assert [(row["term"], row["domain"]) for row in seed("domain_rules")] == list(DOMAIN_TERMS)


def test_the_attention_of_rules_is_that_of_the_states() -> None:
    assert {rule.type.value for rule in RULES if rule.attention} == {each.value for each in ATTENTION_TYPES}


def test_sql_classifies_the_sample_runs_as_python_does(built_runs: list[Run]) -> None:
    assert sum(compare(run) for run in built_runs) >= 266


def test_sql_classifies_generated_runs_as_python_does(made_runs: list[Run]) -> None:
    assert sum(compare(run) for run in made_runs) > 1_100


def compare(run: Run) -> int:
    with connection.cursor() as cursor:
        cursor.execute(RAW_SQL, [run.pk])
        rows = cursor.fetchall()
    for key, polarity, aggregate, temporal, encounters_rank, *computed in rows:
        inputs = inputs_of(json.loads(aggregate), json.loads(temporal) if temporal else None)
        found = classify_fully(Inputs(**inputs, polarity=Polarity(polarity), encounters_rank=encounters_rank))
        labels = found.indicators
        calculation = {
            "base": found.calculation.base,
            "refinements": [
                {"factor": each.factor, "adjustment": each.adjustment, "reason": each.reason}
                for each in found.calculation.refinements
            ],
            "final": found.calculation.final,
        }
        expected = [
            found.type.value, found.severity, calculation, labels.position, labels.trend, labels.momentum,
            labels.consistency, labels.has_spike, labels.magnitude_tier, labels.trajectory_tier,
            labels.consistency_tier,
        ]  # fmt: skip
        assert [*computed[:2], json.loads(computed[2]), *computed[3:]] == expected, key
    return len(rows)


def inputs_of(aggregate: dict[str, Any], temporal: dict[str, Any] | None) -> dict[str, Any]:
    """Read what the rules take from the lines themselves, so that the SQL that unpacks them is tried, too."""
    simple = statistics_of(aggregate, "simple_zscore")
    found = {"suppressed": simple["suppressed"], "percentile_rank": simple["percentile_rank"]}
    if temporal is None:
        return found | {"mean_z": simple["simple_zscore"]}
    trending = statistics_of(temporal, "trending_simple_zscore")
    slope = statistics_of(temporal, "slope_percentile")
    mean_z, std = trending["mean_simple_zscore"], simple["peer_std"]
    periods = [z for z in trending["per_period_simple_zscores"] if z is not None]
    center = sum(periods) / len(periods) if periods else 0.0
    has_spread = bool(periods) and mean_z is not None
    scaled = slope["acceleration"] is not None and std is not None
    return found | {
        "mean_z": mean_z,
        "slope_percentile": slope["slope_percentile"],
        "acceleration": slope["acceleration"] / max(std, 0.01) if scaled else None,
        "zscore_std": (
            (sum((z - center) ** 2 for z in periods) / len(periods)) ** 0.5 if has_spread else None
        ),
        "max_excursion": max(abs(z - mean_z) for z in periods) if has_spread else None,
        "observations": trending["observations"],
    }


def statistics_of(line: dict[str, Any], short: str) -> dict[str, Any]:
    (found,) = (
        each["statistics"]
        for each in line["statistical_methods"]
        if each["statistical_method"].split("__")[1] == short
    )
    return dict(found)


def test_marts_have_the_columns_of_the_contract(built_runs: list[Run]) -> None:
    with connection.cursor() as cursor:
        for mart in MARTS:
            cursor.execute(
                "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                [f"public_marts.{mart.name}"],
            )
            rows = cursor.fetchall()
            assert tuple((name, kind) for name, kind, _ in rows) == mart.columns
            assert {name for name, _, required in rows if required} == {*mart.key, *mart.required}


def test_the_hash_covers_the_content_columns_in_their_order() -> None:
    assert tuple(name for name, _ in CONTENT) == CONTENT_COLUMNS
    macro = (Path(APP) / "dbt" / "macros" / "content_hash.sql").read_text()
    assert all(name in macro for name in CONTENT_COLUMNS)
