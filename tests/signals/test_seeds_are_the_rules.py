"""The seeds that SQL classifies by are the tables that Python explains by."""

import csv
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.conf import settings

from apps.signals.rules.indicators import MAGNITUDE_TIERS
from apps.signals.rules.meaning import DOMAIN_TERMS, METRIC_CATALOG
from apps.signals.rules.severity import SEVERITY_PARTS
from apps.signals.rules.table import RULES, RULES_VERSION, Condition

SEEDS = Path(settings.BASE_DIR) / "apps" / "signals" / "dbt" / "seeds"
pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason="the dbt project is not here")

# The column of a condition, and what stands in it (None: the bound).
COLUMNS = {
    ("suppressed", "is true"): "suppressed",
    ("Z", "is null"): "z_null",
    ("P", "is null"): "p_null",
    ("n", "<"): "n_below",
    ("Z", ">="): "z_at_least",
    ("Z", "<"): "z_below",
    ("P", ">="): "p_at_least",
    ("P", "<"): "p_below",
    ("S", ">="): "s_at_least",
    ("X", ">="): "x_at_least",
}


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def cells(conditions: Iterable[Condition]) -> dict[str, str]:
    return {
        COLUMNS[each.symbol, each.operator]: "true" if each.bound is None else f"{each.bound:g}"
        for each in conditions
    }


def test_the_rules() -> None:
    expected = [
        {
            "version": str(RULES_VERSION),
            "number": str(rule.number),
            "alternative": str(number),
            "type": rule.type.value,
            "attention": str(rule.attention).lower(),
            "directional": str(rule.directional).lower(),
            "low": str(rule.low),
            "high": str(rule.high),
            "base": str(rule.base),
            **dict.fromkeys(COLUMNS.values(), ""),
            **cells(conditions),
        }
        for rule in RULES
        for number, conditions in enumerate(rule.alternatives or ((),), 1)
    ]
    assert seed("signal_rules") == expected


def test_the_parts_of_severity_and_the_magnitude_tiers() -> None:
    found = [
        (
            row["factor"],
            float(row["below"]) if row["below"] else None,
            row["label"],
            int(row["adjustment"]),
            row["inclusive"] == "true",
        )
        for row in seed("severity_parts")
    ]
    parts = (*SEVERITY_PARTS, *MAGNITUDE_TIERS)
    assert found == [(part.factor, part.below, part.label, part.adjustment, part.inclusive) for part in parts]


def test_the_catalog_of_metrics() -> None:
    found = {row["metric_id"]: (row["domain"], row["polarity"]) for row in seed("metric_catalog")}
    assert found == METRIC_CATALOG


def test_the_words_of_domains() -> None:
    assert [(row["term"], row["domain"]) for row in seed("domain_rules")] == list(DOMAIN_TERMS)
