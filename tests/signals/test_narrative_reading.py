"""A narrative becomes values: sections in any order, odd names whole, what is odd told in warnings."""

import datetime as dt
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from apps.signals.narratives import Narrative, parse_narrative
from apps.signals.narratives.model import (
    BreakdownRow,
    ExecutiveSummary,
    Insights,
    ParetoAnalysis,
    SummaryItem,
)
from tests.signals.narrative_texts import TEXT

SAMPLES = settings.BASE_DIR.parent / "shared" / "data" / "insight_graph" / "demo_graph"


@pytest.fixture(scope="module")
def narrative() -> Narrative:
    return parse_narrative(TEXT)


def test_title_and_labels_are_read_and_nothing_is_warned_of(narrative: Narrative) -> None:
    assert narrative.facility_id == "H-100"
    assert narrative.metric_value == 1.2034
    assert narrative.generated_at == dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
    assert narrative.warnings == ()


def test_the_summary_splits_at_the_last_colon_before_a_signed_number(narrative: Narrative) -> None:
    summary = narrative.executive_summary
    assert (summary.total_segments, summary.facility_segments) == (41, 9)
    assert summary.pareto_insight == "Top 3 segments account for 80% of positive excess"
    assert summary.higher == (
        SummaryItem("Service Line", "Ear, Nose/Throat: A|B", 0.0812, "↑ +12%", ("volatile", "few peers")),
        SummaryItem("Discharge", "Zürich *old* <b>wing</b>", 1200.5, "", ()),
    )
    assert summary.lower == (SummaryItem("Service Line", "Neurology", -0.04, "↓ -5%", ()),)


def test_marks_of_nothing_are_null(narrative: Narrative) -> None:
    first, second = narrative.cross_metric_comparison
    assert (first.metric_name, first.value, first.z_score) == ("Mean ICU Days", 3.2, 0.6)
    assert (second.metric_name, second.value, second.z_score) == ("Returns | to ICU", None, None)
    assert second.peer_status is None


def test_bars_split_at_the_first_pipe_and_the_last_bracket(narrative: Narrative) -> None:
    pareto = narrative.pareto_analysis
    (bar,) = pareto.positive
    assert (bar.segment, bar.excess, bar.cumulative_pct) == ("Ear, Nose/Throat (adults): A| B", 0.0812, 60.0)
    assert [each.excess for each in pareto.negative] == [-0.04]
    assert (pareto.top_n_positive_pct, pareto.top_n_negative_pct) == (80.0, 40.5)


def test_drivers_have_thirteen_columns_and_a_cumulative_share(narrative: Narrative) -> None:
    first, second = narrative.top_drivers.higher
    assert (first.rank, first.segment, first.weight) == (1, "Ear, Nose/Throat: A|B", 30.0)
    assert (first.interpretation, first.cumulative_pct) == ("18% longer than parent", 60.0)
    assert (second.slope_percentile, second.mean_z, second.multi_kpi, second.interpretation) == (None,) * 4
    (lower,) = narrative.top_drivers.lower
    assert (lower.value, lower.excess, lower.z_score) == (-0.7, -0.04, -1.1)


def test_insights_stand_under_their_headings(narrative: Narrative) -> None:
    (trouble,) = narrative.insights.double_trouble
    assert (trouble.segment, trouble.excess, trouble.z_score) == ("Ear, Nose/Throat: A", 0.0812, 1.1)
    assert trouble.peer_status == "moderately high"
    (issue,) = narrative.insights.internal_issue
    assert (issue.segment, issue.z_score, issue.peer_status) == ("Oncology", None, None)


def test_corner_marks_hang_under_the_bold_row_before_them(narrative: Narrative) -> None:
    cardiology, neurology = narrative.hierarchical_breakdown
    assert (cardiology.level, cardiology.segment, cardiology.value) == ("SL", "Cardiology", 1.3)
    assert [(child.level, child.segment) for child in cardiology.children] == [
        ("SSL", "Heart Failure"),
        ("SSL", "Rhythm"),
    ]
    assert neurology.children == ()


def test_sections_come_in_any_order_and_case(narrative: Narrative) -> None:
    head, *sections = TEXT.split("\n## ")
    turned = "\n## ".join([head, *(section + "\n" for section in reversed(sections))])
    assert parse_narrative(turned.replace("## Executive Summary", "## EXECUTIVE   summary")) == narrative


@pytest.mark.parametrize(
    ("section", "name", "empty"),
    [
        ("Executive Summary", "executive_summary", ExecutiveSummary()),
        ("Cross-Metric Peer Comparison", "cross_metric_comparison", ()),
        ("Pareto Analysis", "pareto_analysis", ParetoAnalysis()),
        ("Insights", "insights", Insights()),
        ("Hierarchical Contribution Breakdown", "hierarchical_breakdown", ()),
    ],
)
def test_a_missing_section_is_empty_with_a_warning(section: str, name: str, empty: Any) -> None:
    parts = TEXT.split("\n## ")
    found = parse_narrative("\n## ".join(part for part in parts if not part.startswith(section)))
    assert getattr(found, name) == empty
    assert found.warnings == (f"Section missing: {section}",)


def test_an_unescaped_pipe_stays_in_the_segment_and_is_warned_of() -> None:
    found = parse_narrative(TEXT.replace(r"Nose/Throat: A\|B | 1.300", "Nose/Throat: A|B | 1.300"))
    first = found.top_drivers.higher[0]
    assert (first.segment, first.value, first.cumulative_pct) == ("Ear, Nose/Throat: A|B", 1.3, 60.0)
    assert [warning for warning in found.warnings if "unescaped pipes" in warning]


def test_a_negative_index_is_kept_and_warned_of() -> None:
    found = parse_narrative(TEXT.replace("1.2034", "-0.2"))
    assert found.metric_value == -0.2
    assert found.warnings == ("The facility's LOS index is negative.",)


def test_what_is_no_number_becomes_null_with_a_warning() -> None:
    nasty = TEXT.replace("| 1.100 | 3.0%", f"| many | {'9' * 400}%").replace("1.2034", "high")
    found = parse_narrative(nasty)
    assert (found.metric_value, found.top_drivers.higher[1].value, found.top_drivers.higher[1].weight) == (
        None,
        None,
        None,
    )
    assert "Not a number: many" in found.warnings


def test_a_corner_mark_without_a_row_before_it_is_kept() -> None:
    lines = [line for line in TEXT.splitlines() if "**SL** | **Cardiology" not in line]
    found = parse_narrative("\n".join(lines))
    assert [row.segment for row in found.hierarchical_breakdown] == ["Heart Failure", "Rhythm", "Neurology"]
    assert all(isinstance(row, BreakdownRow) and not row.children for row in found.hierarchical_breakdown[:2])
    assert len(found.warnings) == 2


def test_lines_that_are_not_understood_are_named() -> None:
    found = parse_narrative(TEXT.replace("- Oncology: excess +0.0012, z=n/a", "- Oncology is fine"))
    assert found.insights.internal_issue == ()
    assert found.warnings == ("Line not understood: Oncology is fine",)


def test_an_empty_text_is_a_narrative_of_warnings() -> None:
    found = parse_narrative("")
    assert found.facility_id is None
    assert len(found.warnings) == 10


@pytest.mark.parametrize("line", ["- **x** y\n", "\n- [[[[*_*_**a: +1 ", "| a |\n"])
def test_a_huge_text_is_cut_and_warned_of(line: str) -> None:
    started_s = time.thread_time()
    start = "\n## Insights\n### Double Trouble\n| a |\n|---|\n"
    found = parse_narrative(TEXT + start + line * 30_000)
    assert time.thread_time() - started_s < 20  # a quadratic reader takes minutes
    assert found.warnings[0].startswith("Longer than")
    assert len(found.warnings) <= 100


@settings_of(max_examples=40)
@given(st.text(alphabet="|*`[]()#-+=:.%\\ \n└─SL1a\u2212", max_size=400))
def test_no_text_makes_it_fail(text: str) -> None:
    parse_narrative(TEXT.replace("Cardiology", text))
    parse_narrative(text)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample runs of ../shared/data are not here")
@pytest.mark.parametrize(
    "path", sorted(SAMPLES.rglob("*.md")), ids=lambda path: f"{path.parts[-4]}-{path.stem}"
)
def test_the_sample_narratives_are_read_whole(path: Path) -> None:
    found = parse_narrative(path.read_text())
    assert found.facility_id == path.stem.removeprefix("contribution_")
    assert found.metric_value == 1.1
    assert len(found.hierarchical_breakdown[0].children) == 1
    assert found.warnings == ("Section missing: Top Drivers of Lower LOS",)
