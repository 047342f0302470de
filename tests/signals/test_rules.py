"""Types and severities by the rules, and why."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.signals import states
from apps.signals.formulas.scores import percentile_rank
from apps.signals.rules.classification import classify, classify_fully
from apps.signals.rules.explanation import Cut, changes, explain
from apps.signals.rules.inputs import Inputs, Polarity, SignalType, scaled_acceleration, spread_of
from apps.signals.rules.meaning import Domain, Source, Statement, domain_of_name, meaning_of, words_of
from apps.signals.rules.table import ATTENTION_TYPES, RULES, SEVERITY_RANGES
from tests.signals.sample_runs import SAMPLES, entities, figures

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample runs are not here")
ORDER = (
    SignalType.BASELINE,
    SignalType.IMPROVING_LEADER,
    SignalType.SUSTAINED_EXCELLENCE,
    SignalType.EMERGING_RISK,
    SignalType.CHRONIC_UNDERPERFORMER,
    SignalType.CRITICAL_TRAJECTORY,
)
STEADY = Inputs(
    mean_z=0.0,
    slope_percentile=50.0,
    acceleration=0.0,
    zscore_std=0.4,
    max_excursion=1.0,
    observations=12,
    percentile_rank=50.0,
    encounters_rank=50.0,
)

z_scores = st.one_of(st.none(), st.floats(-5, 5), st.sampled_from([-1.5, -0.5, 0.5, 1.0, 2.0]))
percentiles = st.one_of(st.none(), st.floats(0, 100), st.sampled_from([10.0, 30.0, 70.0, 90.0]))
inputs = st.builds(
    Inputs,
    mean_z=z_scores,
    slope_percentile=percentiles,
    acceleration=st.one_of(st.none(), st.floats(-1, 1), st.sampled_from([-0.025, 0.025])),
    zscore_std=st.one_of(st.none(), st.floats(0, 3)),
    max_excursion=st.one_of(st.none(), st.floats(0, 4)),
    observations=st.one_of(st.none(), st.integers(0, 12)),
    suppressed=st.booleans(),
    polarity=st.sampled_from(Polarity),
    percentile_rank=percentiles,
    encounters_rank=percentiles,
)


def inputs_of(run: Path) -> Iterator[tuple[str, Inputs]]:
    """Return "facility/segment" and inputs of each entity of a sample run."""
    for dimensions in ("medicareId", "medicareId_vizientServiceLine"):
        trends = entities(run, f"losIndex__{dimensions}__dischargeMonth")
        aggregates = entities(run, f"losIndex__{dimensions}__aggregate_time_period")
        weights = np.array([line["metadata"]["encounters"] for line in aggregates.values()])
        for (entity, line), rank in zip(aggregates.items(), percentile_rank(weights).tolist(), strict=True):
            simple, trend = figures(line)["simple_zscore"], figures(trends[entity])
            z, slope = trend["trending_simple_zscore"], trend["slope_percentile"]
            std, excursion = spread_of(z["per_period_simple_zscores"], z["mean_simple_zscore"])
            yield (
                "/".join(entity),
                Inputs(
                    mean_z=z["mean_simple_zscore"],
                    slope_percentile=slope["slope_percentile"],
                    acceleration=scaled_acceleration(slope["acceleration"], simple["peer_std"]),
                    zscore_std=std,
                    max_excursion=excursion,
                    observations=z["observations"],
                    suppressed=simple["suppressed"],
                    percentile_rank=simple["percentile_rank"],
                    encounters_rank=rank,
                ),
            )


@needs_samples
@pytest.mark.parametrize(
    ("run_id", "counts"),
    [
        ("20260215120000", (43, 19, 4, 18, 5, 0)),
        ("20260315120000", (42, 19, 4, 15, 7, 1)),
        ("20260415120000", (41, 21, 4, 17, 5, 1)),
    ],
)
def test_the_sample_runs_have_the_types_of_the_format_page(run_id: str, counts: tuple[int, ...]) -> None:
    found = Counter(classify(each) for _, each in inputs_of(SAMPLES / run_id))
    assert tuple(found[name] for name in ORDER) == counts
    assert found.total() == sum(counts)


@needs_samples
def test_severities_of_the_sample_runs_are_known() -> None:
    first, second, third = (dict(inputs_of(run)) for run in sorted(SAMPLES.iterdir()))
    whole = classify_fully(first["FAC001"])
    assert (whole.type, whole.severity) == (SignalType.CHRONIC_UNDERPERFORMER, 84)
    assert [(each.reason, each.adjustment) for each in whole.calculation.refinements if each.adjustment] == [
        ("elevated", 2),
        ("worsening", 1),
        ("decelerating", -1),
    ]
    assert (classify(third["FAC001"]), classify_fully(third["FAC001"]).severity) == (SignalType.BASELINE, 36)
    line = "FAC005/Cardiology"
    assert [classify_fully(run[line]).severity for run in (first, second, third)] == [86, 98, 98]
    assert classify(second[line]) is classify(third[line]) is SignalType.CRITICAL_TRAJECTORY


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, SignalType.BASELINE),
        ({"suppressed": True}, SignalType.SUSPECT_DATA),
        ({"observations": 2}, SignalType.SUSPECT_DATA),
        ({"slope_percentile": None, "zscore_std": 3.0}, SignalType.BASELINE),
        ({"zscore_std": 2.0}, SignalType.VOLATILITY_ALERT),
        ({"max_excursion": 3.0}, SignalType.VOLATILITY_ALERT),
        ({"mean_z": 2.0, "slope_percentile": 90.0}, SignalType.CRITICAL_TRAJECTORY),
        ({"mean_z": 1.0, "slope_percentile": 70.0}, SignalType.CHRONIC_UNDERPERFORMER),
        ({"mean_z": 2.0, "slope_percentile": 30.0}, SignalType.CHRONIC_UNDERPERFORMER),
        ({"mean_z": 1.9, "slope_percentile": 30.0}, SignalType.BASELINE),
        ({"mean_z": 1.0, "slope_percentile": 29.9}, SignalType.RECOVERING),
        ({"mean_z": -0.5, "slope_percentile": 70.0}, SignalType.EMERGING_RISK),
        ({"mean_z": -0.6, "slope_percentile": 70.0}, SignalType.BASELINE),
        ({"mean_z": -1.6, "slope_percentile": 69.9}, SignalType.SUSTAINED_EXCELLENCE),
        ({"mean_z": -1.5, "slope_percentile": 29.9}, SignalType.IMPROVING_LEADER),
        ({"mean_z": 0.5, "slope_percentile": 29.9}, SignalType.BASELINE),
    ],
)
def test_the_first_rule_that_holds_decides(changed: dict[str, Any], expected: SignalType) -> None:
    assert classify(replace(STEADY, **changed)) is expected


def test_an_entity_without_a_trend_is_baseline_not_suspect() -> None:
    assert classify(Inputs(mean_z=3.0)) is SignalType.BASELINE


@given(inputs)
def test_severity_stays_in_the_range_of_its_type(each: Inputs) -> None:
    found = classify_fully(each)
    low, high = SEVERITY_RANGES[found.type]
    assert low <= found.severity == found.calculation.final <= high
    if found.type is SignalType.SUSPECT_DATA:
        assert not found.calculation.refinements
    else:
        assert len(found.calculation.refinements) == 5


@given(inputs)
def test_a_metric_whose_high_values_are_good_has_the_type_of_its_mirror_image(each: Inputs) -> None:
    lower = replace(each, polarity=Polarity.LOWER_IS_BETTER)
    mirrored = replace(
        each,
        polarity=Polarity.HIGHER_IS_BETTER,
        mean_z=None if each.mean_z is None else -each.mean_z,
        acceleration=None if each.acceleration is None else -each.acceleration,
    )
    for name in ("slope_percentile", "percentile_rank"):
        value = getattr(each, name)
        if value is not None:
            # Near the cuts 100 - (100 - p) is not p to the last bit: percentiles have 6 decimals.
            one_way: dict[str, Any] = {name: round(value, 6)}
            other_way: dict[str, Any] = {name: round(100.0 - round(value, 6), 6)}
            lower, mirrored = replace(lower, **one_way), replace(mirrored, **other_way)
    one, other = classify_fully(lower), classify_fully(mirrored)
    assert (one.type, one.severity, one.indicators) == (other.type, other.severity, other.indicators)


@given(inputs)
def test_a_neutral_metric_is_neither_good_nor_bad(each: Inputs) -> None:
    found = classify(replace(each, polarity=Polarity.NEUTRAL))
    assert found in {SignalType.SUSPECT_DATA, SignalType.BASELINE, SignalType.VOLATILITY_ALERT}


@given(inputs)
def test_changes_keep_their_promise_and_are_the_nearest(each: Inputs) -> None:
    now = classify(each)
    for change in changes(each):
        value = getattr(each, change.input)
        for cut, towards in ((change.below, -np.inf), (change.above, np.inf)):
            if value is None:
                assert cut is None
                continue
            short, past = around(cut, value, towards)
            assert classify(changed(each, change.input, short)) is now
            if cut is not None:
                assert classify(changed(each, change.input, past)) is cut.type is not now


def changed(each: Inputs, name: str, value: float) -> Inputs:
    one: dict[str, Any] = {name: value}
    return replace(each, **one)


def around(cut: Cut | None, value: float, towards: float) -> tuple[float, float]:
    """Return a value just short of a cut (far away, without one) and one just past it."""
    way = int(np.sign(towards))
    if cut is None:
        return value + way * 1000, value
    if isinstance(value, int):
        return cut.value - way, cut.value
    step = way * 1e-9
    return value if abs(value - cut.value) < 1e-8 else cut.value - step, cut.value + step


def test_explain_shows_every_rule_with_its_conditions() -> None:
    found = explain(replace(STEADY, mean_z=1.2, slope_percentile=80.0))
    assert [rule.number for rule in found.rules] == list(range(1, 11))
    assert [rule.number for rule in found.rules if rule.decisive] == [5]
    chronic = found.rules[4]
    assert chronic.text == "Z >= 1 and P >= 70, or Z >= 2 and P >= 30"
    assert [(each.text, each.passed, each.alternative) for each in chronic.conditions] == [
        ("Z >= 1", True, 0),
        ("P >= 70", True, 0),
        ("Z >= 2", False, 1),
        ("P >= 30", True, 1),
    ]
    by_input = {change.input: change for change in found.changes}
    assert by_input["mean_z"].below == Cut(1, SignalType.EMERGING_RISK, inclusive=False)
    assert by_input["mean_z"].above is None
    assert by_input["slope_percentile"].below == Cut(70, SignalType.BASELINE, inclusive=False)
    assert by_input["observations"].below == Cut(2, SignalType.SUSPECT_DATA, inclusive=True)


def test_cuts_are_in_the_figures_of_the_file() -> None:
    found = explain(replace(STEADY, mean_z=-1.2, slope_percentile=20.0, polarity=Polarity.HIGHER_IS_BETTER))
    by_input = {change.input: change for change in found.changes}
    assert found.classification.type is SignalType.CHRONIC_UNDERPERFORMER
    assert by_input["mean_z"].above == Cut(-1, SignalType.EMERGING_RISK, inclusive=False)
    assert by_input["slope_percentile"].above == Cut(30, SignalType.BASELINE, inclusive=False)


def test_rules_skipped_for_neutral_metrics_say_so() -> None:
    found = explain(replace(STEADY, mean_z=3.0, slope_percentile=95.0, polarity=Polarity.NEUTRAL))
    assert [rule.number for rule in found.rules if rule.skipped] == [4, 5, 6, 7, 8, 9]
    assert [rule.number for rule in found.rules if rule.passed] == [10]
    assert found.classification.type is SignalType.BASELINE


@pytest.mark.parametrize(
    ("changed", "label"),
    [
        ({"mean_z": None}, {"position": None}),
        ({"mean_z": -1.5}, {"position": "favorable"}),
        ({"mean_z": 2.0}, {"position": "severe"}),
        ({"slope_percentile": None}, {"trend": "stable", "trajectory_tier": "stable"}),
        ({"slope_percentile": 90.0}, {"trend": "rapidly_worsening"}),
        ({"acceleration": 0.025}, {"momentum": "neutral"}),
        ({"acceleration": 0.026}, {"momentum": "accelerating"}),
        ({"acceleration": -0.026}, {"momentum": "decelerating"}),
        ({"zscore_std": 0.5}, {"consistency": "variable", "consistency_tier": "persistent"}),
        ({"zscore_std": 0.95}, {"consistency_tier": "variable"}),
        ({"zscore_std": 0.5, "observations": 5}, {"consistency_tier": "variable"}),
        ({"zscore_std": 1.1}, {"consistency_tier": "transient"}),
        ({"max_excursion": 3.0}, {"has_spike": True}),
        ({"percentile_rank": 99.0}, {"magnitude_tier": "critical"}),
        ({"percentile_rank": 9.9}, {"magnitude_tier": "excellent"}),
        ({"percentile_rank": None}, {"magnitude_tier": None}),
    ],
)
def test_labels(changed: dict[str, Any], label: dict[str, Any]) -> None:
    found = classify_fully(replace(STEADY, **changed)).indicators
    assert {name: getattr(found, name) for name in label} == label


def test_attention_is_asked_for_four_types() -> None:
    assert len(ATTENTION_TYPES) == 4
    assert ATTENTION_TYPES == states.ATTENTION_TYPES
    assert {rule.type for rule in RULES} == set(SignalType)
    assert all(rule.low <= rule.base <= rule.high for rule in RULES)


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("losTrimmed", Domain.EFFICIENCY),
        ("Mean length of stay", Domain.EFFICIENCY),
        ("totalCosts", Domain.EFFICIENCY),
        ("closedBeds", Domain.OTHER),
        ("weightLoss", Domain.OTHER),
        ("ICU mortality", Domain.SAFETY),
        ("pctReturnsToIcu", Domain.SAFETY),
        ("readmissionRate30d", Domain.EFFECTIVENESS),
        ("icuDays", Domain.UTILIZATION),
        ("", Domain.OTHER),
    ],
)
def test_the_words_of_a_name_tell_its_domain(name: str, domain: Domain) -> None:
    assert domain_of_name(name) is domain


def test_words_are_split_at_humps_and_marks() -> None:
    assert words_of("pctAll_ReturnsTo-ICU  (2024)") == " pct all returns to icu 2024 "


def test_who_speaks_first_gives_domain_and_polarity() -> None:
    policy = Statement(polarity=Polarity.NEUTRAL)
    bundle = Statement("Finance", Polarity.HIGHER_IS_BETTER)
    both = meaning_of("losIndex", policy=policy, bundle=bundle)
    assert (both.domain, both.polarity) == ("Finance", Polarity.NEUTRAL)
    assert (both.domain_source, both.polarity_source) == (Source.BUNDLE, Source.POLICY)
    known = meaning_of("pctAllReturnsToIcu")
    assert (known.domain, known.polarity, known.polarity_source) == (
        "Safety",
        Polarity.LOWER_IS_BETTER,
        Source.CATALOG,
    )
    assumed = meaning_of("m17", "Hand infections")
    assert (assumed.domain, assumed.polarity) == ("Safety", Polarity.LOWER_IS_BETTER)
    assert assumed.polarity_assumed
