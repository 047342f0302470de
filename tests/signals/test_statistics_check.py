"""The statistics check: silent on runs that are right, and precise on those that are not."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.signals.formulas.verification.check import check_statistics
from apps.signals.formulas.verification.differences import Difference
from apps.signals.sampling.options import Fault
from tests.signals.sample_runs import SAMPLES, made

WHOLE = "results/nodes/losIndex__medicareId__aggregate_time_period.jsonl"
TREND = "results/nodes/losIndex__medicareId_vizientServiceLine__dischargeMonth.jsonl"
CLASSES = "analysis/classification/classifications.jsonl"
SHARES = "analysis/contribution/losIndex__medicareId_vizientServiceLine__aggregate_time_period.losIndex.jsonl"
LINE = 8


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(made(tmp_path_factory.mktemp("runs"), entities=100, runs=1)[0].path)


@pytest.fixture
def spoiled(run: Path, tmp_path: Path) -> Callable[[str, int, str], list[Difference]]:
    """Change one digit of a figure in a copy of the run and return what the check says."""

    def change(path: str, line: int, figure: str) -> list[Difference]:
        shutil.copytree(run, tmp_path / "run")
        file = tmp_path / "run" / path
        lines = file.read_bytes().split(b"\n")
        lines[line - 1] = other_digit(lines[line - 1].decode(), figure).encode()
        file.write_bytes(b"\n".join(lines))
        return list(check_statistics(tmp_path / "run"))

    return change


def other_digit(line: str, figure: str) -> str:
    """Return the line with another second decimal (of a whole number: first digit) of a figure."""
    found = re.search(rf'"{figure}":\[?-?\d+\.\d(\d)', line) or re.search(rf'"{figure}":(\d)', line)
    assert found, figure
    digit = str(int(found[1]) % 9 + 1)
    return line[: found.start(1)] + digit + line[found.end(1) :]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample runs are not here")
def test_the_sample_runs_are_right() -> None:
    for run in sorted(SAMPLES.iterdir()):
        assert list(check_statistics(run)) == []


def test_a_run_of_all_metrics_is_right(tmp_path: Path) -> None:
    (run,) = made(tmp_path, entities=2000, runs=1)
    assert list(check_statistics(Path(run.path))) == []


def test_generated_runs_are_right(run: Path, tmp_path: Path) -> None:
    assert list(check_statistics(run)) == []
    for other in made(tmp_path, runs=2, periods=14, faults=(Fault.HALF_GONE,)):
        assert list(check_statistics(Path(other.path))) == []


@pytest.mark.parametrize(
    "fault", [Fault.NAN, Fault.NUL, Fault.BOM, Fault.DUPLICATE_ENTITY, Fault.FAILED_NODE]
)
def test_faults_that_a_load_heals_change_no_figure(fault: Fault, tmp_path: Path) -> None:
    (faulty,) = made(tmp_path, runs=1, faults=(fault,))
    assert list(check_statistics(Path(faulty.path))) == []


@pytest.mark.parametrize(
    ("path", "figure"),
    [
        (WHOLE, "simple_zscore"),
        (WHOLE, "robust_zscore"),
        (WHOLE, "peer_mean"),
        (WHOLE, "peer_std"),
        (WHOLE, "percentile_rank"),
        (WHOLE, "statistic_value"),
        (TREND, "mean_simple_zscore"),
        (TREND, "latest_robust_zscore"),
        (TREND, "per_period_simple_zscores"),
        (TREND, "per_period_robust_zscores"),
        (TREND, "peer_median"),
        (TREND, "peer_mad"),
        (TREND, "slope"),
        (TREND, "acceleration"),
        (TREND, "end_start_delta"),
        (TREND, "slope_percentile"),
        (CLASSES, "aggregate_zscore"),
        (CLASSES, "zscore_std"),
        (CLASSES, "max_abs_deviation"),
        (CLASSES, "coefficient_of_variation"),
        (SHARES, "weight_share"),
        (SHARES, "weighted_child_value"),
        (SHARES, "parent_value"),
        (SHARES, "contribution_value"),
        (SHARES, "excess_over_parent"),
        (SHARES, "raw_component"),
    ],
)
def test_one_digit_of_a_figure_is_found(
    spoiled: Callable[[str, int, str], list[Difference]], path: str, figure: str
) -> None:
    found = spoiled(path, LINE, figure)
    assert {(each.file, each.line) for each in found} == {(path, LINE)}
    assert figure in found[0].figure
    assert found[0].written != found[0].computed


@pytest.mark.parametrize(
    ("path", "figure"),
    [(WHOLE, "values"), (TREND, "value"), (SHARES, "child_value"), (SHARES, "weight_value")],
)
def test_a_changed_value_is_found_where_it_is(
    spoiled: Callable[[str, int, str], list[Difference]], path: str, figure: str
) -> None:
    found = spoiled(path, LINE, figure)
    assert (path, LINE) in {(each.file, each.line) for each in found}


@pytest.mark.parametrize("figure", ["global_metric_mean", "global_metric_std", "global_mad"])
def test_facets_of_line_1_are_checked(
    spoiled: Callable[[str, int, str], list[Difference]], figure: str
) -> None:
    found = spoiled(WHOLE, 1, figure)
    assert [(each.file, each.line) for each in found] == [(WHOLE, 1)]
    assert figure in found[0].figure


def test_percentile_trends_are_checked(spoiled: Callable[[str, int, str], list[Difference]]) -> None:
    (found,) = spoiled(TREND, 1, "p75")
    assert (found.file, found.line, found.figure) == (TREND, 1, "percentile_trends.p75[0]")


def test_a_wrong_label_and_a_hidden_score_are_found(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    file = tmp_path / "run" / WHOLE
    lines = file.read_text().split("\n")
    lines[5] = re.sub(r'"anomaly":"\w+"', '"anomaly":"extremely_odd"', lines[5], count=1)
    lines[9] = re.sub(r'"simple_zscore":-?[0-9.]+', '"simple_zscore":null', lines[9], count=1)
    file.write_text("\n".join(lines))
    found = {(each.line, each.figure, each.written) for each in check_statistics(tmp_path / "run")}
    assert found == {
        (6, "simple_zscore.anomalies.simple_zscore.anomaly", "extremely_odd"),
        (10, "simple_zscore.simple_zscore", None),
    }
