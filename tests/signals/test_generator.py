"""Sample runs: what `make_sample_run` writes, how runs follow each other, and what each fault does."""

import hashlib
import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.signals.rules.inputs import SignalType
from apps.signals.sampling.names import LONG_LINE
from apps.signals.sampling.options import Fault, SampleOptionsInvalid, SampleRunExists
from apps.signals.sampling.runs import SampleRun
from tests.signals.sample_runs import document, entities, figures, json_lines, made, nodes, value_of

WHOLE = "losIndex__medicareId__aggregate_time_period"
LINES = "losIndex__medicareId_vizientServiceLine__aggregate_time_period"
TREND = "losIndex__medicareId_vizientServiceLine__dischargeMonth"
REQUIRED = (
    "run_manifest.json",
    "run_manifest.semantic.json",
    "metadata_bundle.json",
    "graph.json",
    "validation_report.json",
    "_COMPLETE",
    "results/index.json",
    "analysis/classification/index.json",
    "analysis/classification/manifest.json",
    "analysis/classification/classifications.jsonl",
    "analysis/classification/classification_summary.csv",
    "analysis/contribution/index.json",
    "modeling/run_summary.json",
    "modeling/experiments.json",
    "modeling/shap/ridge_global.csv",
    "modeling/shap/lightgbm_global.csv",
)


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> list[SampleRun]:
    return made(tmp_path_factory.mktemp("series"), repeat=True)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> SampleRun:
    return made(tmp_path_factory.mktemp("large"), entities=2000, runs=1)[0]


def keys(run: SampleRun) -> set[tuple[str, ...]]:
    return {
        (node, *entity)
        for node in nodes(run.path)
        if "aggregate" in node
        for entity in entities(run.path, node)
    }


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_a_run_has_every_file(series: list[SampleRun]) -> None:
    root = Path(series[0].path)
    for path in (*REQUIRED, *(f"results/nodes/{node}.jsonl" for node in nodes(root))):
        assert (root / path).is_file(), path
    assert len(list((root / "analysis/narrative").iterdir())) == 20
    assert document(root, "run_manifest.json")["node_count"] == len(nodes(root)) == 4
    assert (
        document(root, "run_manifest.json")["edge_count"] == len(document(root, "graph.json")["edges"]) == 3
    )


def test_equal_arguments_give_equal_bytes_and_another_seed_others(tmp_path: Path) -> None:
    options: dict[str, Any] = {"entities": 100, "runs": 2, "repeat": True, "faults": (Fault.NAN,)}
    one, other = made(tmp_path / "one", **options), made(tmp_path / "other", **options)
    assert digests(tmp_path / "one") == digests(tmp_path / "other")
    assert [run.manifest_sha256 for run in one] == [run.manifest_sha256 for run in other]
    assert made(tmp_path / "third", **options, seed=1)[0].manifest_sha256 != one[0].manifest_sha256


def test_the_summary_counts_what_is_there(series: list[SampleRun]) -> None:
    for run in series:
        found = digests(Path(run.path))
        found.pop("_COMPLETE")
        listing = "".join(sorted(f"{digest}  {path}\n" for path, digest in found.items()))
        assert run.manifest_sha256 == hashlib.sha256(listing.encode()).hexdigest()
        assert run.files == len(found)
        assert run.size_bytes == sum((Path(run.path) / path).stat().st_size for path in found)
        lines = sum((Path(run.path) / path).read_bytes().count(b"\n") for path in found if path.endswith("l"))
        assert run.lines == lines
        assert run.entities == sum(run.types.values()) == len(keys(run))


def test_run_ids_and_months_move_on(series: list[SampleRun]) -> None:
    assert [run.run_id for run in series] == [
        "20260215120000",
        "20260315120000",
        "20260415120000",
        "20260416120000",
    ]
    assert document(series[1].path, "run_manifest.json")["started_at"] == "2026-03-15T12:00:00+00:00"
    context = next(json_lines(series[1].path, f"results/nodes/{TREND}.jsonl"))["summary"]["temporal_context"]
    assert (context["start_period"], context["end_period"], context["period_count"]) == (
        "202503",
        "202602",
        12,
    )


def test_declared_row_counts_are_the_lines(large: SampleRun) -> None:
    for node in nodes(large.path):
        first, *rest = json_lines(large.path, f"results/nodes/{node}.jsonl")
        assert first["entity_results_count"] == len(rest)
    for parent in document(large.path, "analysis/contribution/index.json")["parents"]:
        for artifact in parent["metric_artifacts"]:
            rows = list(json_lines(large.path, f"analysis/contribution/{artifact['artifact_path']}"))
            assert artifact["row_count"] == parent["child_rows"] == len(rows)


def test_many_entities_have_four_metrics_of_three_polarities(large: SampleRun) -> None:
    assert large.entities == 2000
    assert len(nodes(large.path)) == 24
    bundle = {each["metric_id"]: each for each in document(large.path, "metadata_bundle.json")["metrics"]}
    assert {(each["domain"], each["polarity"]) for each in bundle.values()} == {
        ("Efficiency", "lower_is_better"),
        ("Safety", "lower_is_better"),
        ("Effectiveness", "higher_is_better"),
        ("Utilization", "neutral"),
    }
    counted = Counter(node.split("__")[1] for node, *_ in keys(large))
    # 34 facilities; what is over is cut from the last node.
    assert counted == {
        "medicareId": 4 * 34,
        "medicareId_vizientServiceLine": 4 * 34 * 8,
        "medicareId_dischargeStatus": 4 * 34 * 6 - 40,
    }


@pytest.mark.parametrize(("count", "runs", "seed"), [(600, 3, 20260101), (600, 2, 7), (2000, 1, 20260101)])
def test_six_hundred_entities_and_more_have_all_there_is(
    count: int, runs: int, seed: int, tmp_path: Path
) -> None:
    for run in made(tmp_path, entities=count, runs=runs, seed=seed):
        assert set(run.types) == set(SignalType)
        lines = entities(run.path, LINES).values()
        trends = [figures(line)["trending_simple_zscore"] for line in entities(run.path, TREND).values()]
        assert {2, 5, 11, 12} <= {trend["observations"] for trend in trends}
        assert None in {value_of(line) for line in lines}
        first = next(json_lines(run.path, f"results/nodes/{LINES}.jsonl"))
        facets = first["statistical_methods"][0]["summary"]["global_statistics"]["facets"]
        assert any(facet["facet_counts"]["entity_with_statistics_count"] == 0 for facet in facets)


def test_names_are_hard(series: list[SampleRun]) -> None:
    segments = {entity[1] for entity in entities(series[0].path, LINES)}
    lines = entities(series[0].path, WHOLE).values()
    text = "".join(
        [*segments, *(line["metadata"][name] for line in lines for name in ("facility", "systemName"))]
    )
    assert len(LONG_LINE) == 184
    assert LONG_LINE in segments
    assert all(len(LONG_LINE) > len(segment) for segment in segments - {LONG_LINE})
    assert all(mark in text for mark in (",", "/", ":", "|", "é"))
    assert len({line["metadata"]["systemName"] for line in lines}) == 9


def test_contributions_add_up_to_the_value_of_the_facility(large: SampleRun) -> None:
    for parent in document(large.path, "analysis/contribution/index.json")["parents"]:
        whole = entities(large.path, parent["parent_node_id"])
        path = parent["metric_artifacts"][0]["artifact_path"]
        sums: Counter[str] = Counter()
        for line in json_lines(large.path, f"analysis/contribution/{path}"):
            facility = line["parent_entity"]["medicareId"]
            assert line["parent_value"] == pytest.approx(value_of(whole[facility,]), abs=2e-6)
            sums[facility] += line["contribution_value"]
        assert sums
        assert all(total == pytest.approx(1, abs=1e-5) for total in sums.values())


def test_entities_vanish_return_and_come_new(series: list[SampleRun]) -> None:
    first, second, third, again = map(keys, series)
    assert len(first) == 600
    assert len(first - second) == 6
    assert len((first - second) & third) == 3
    assert len(second - first) == 3
    assert second - first <= third
    assert again == third


def test_some_worsen_and_some_improve_for_good(series: list[SampleRun]) -> None:
    one, two = (entities(run.path, TREND) for run in series[:2])
    jumps = []
    for entity in one.keys() & two.keys():
        before, after = (figures(run[entity])["trending_simple_zscore"] for run in (one, two))
        history = [z for z in before["per_period_simple_zscores"] if z is not None]
        if after["latest_simple_zscore"] is not None and history:
            jumps.append(after["latest_simple_zscore"] - sum(history) / len(history))
    assert 5 <= sum(jump > 1.5 for jump in jumps) <= 40
    assert 5 <= sum(jump < -1.5 for jump in jumps) <= 40


def test_a_month_has_the_same_value_in_every_run_that_sees_it(series: list[SampleRun]) -> None:
    one, two = (entities(run.path, TREND) for run in series[:2])
    for entity in one.keys() & two.keys():
        before, after = (run[entity]["metric"][0]["values"]["timeline"] for run in (one, two))
        assert before[1:] == after[:-1]


def test_a_repeated_run_differs_in_its_name_alone(series: list[SampleRun]) -> None:
    last, again = series[-2:]
    for node in nodes(last.path):
        assert entities(last.path, node) == entities(again.path, node)
    assert last.types == again.types
    assert document(again.path, "run_manifest.json")["run_id"] == again.run_id


def test_reported_classifications_are_by_the_rules(series: list[SampleRun]) -> None:
    lines = list(json_lines(series[0].path, "analysis/classification/classifications.jsonl"))
    assert Counter(line["signal_type"] for line in lines) == series[0].types
    index = document(series[0].path, "analysis/classification/index.json")
    assert index["total_entities"] == len(lines)
    assert index["signal_type_distribution"] == series[0].types
    for line in lines:
        low, high = line["severity_range"]
        assert low <= line["severity"] == line["severity_calculation"]["final"] <= high


# ---- faults ----


def faulty(tmp_path: Path, fault: Fault) -> Path:
    return Path(made(tmp_path, runs=1, faults=(fault,))[0].path)


def counts_agree(run: Path, node: str) -> bool:
    content = (run / f"results/nodes/{node}.jsonl").read_bytes()
    declared = json.loads(content.split(b"\n", 1)[0].decode("utf-8-sig"))["entity_results_count"]
    return bool(declared == content.count(b"\n") - 1 and content.endswith(b"\n"))


def test_only_the_last_run_is_faulty(tmp_path: Path) -> None:
    good, bad = made(tmp_path / "bad", runs=2, faults=(Fault.SCHEMA_VERSION,))
    fine = made(tmp_path / "fine", runs=2)
    assert good.manifest_sha256 == fine[0].manifest_sha256
    assert document(good.path, "run_manifest.semantic.json")["schema_version"] == 1
    assert document(bad.path, "run_manifest.semantic.json")["schema_version"] == 99


def test_fault_truncated_line(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.TRUNCATED_LINE)
    content = (run / f"results/nodes/{nodes(run)[-1]}.jsonl").read_bytes()
    assert not content.endswith(b"\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(content.rsplit(b"\n", 1)[1])


def test_fault_missing_file(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.MISSING_FILE)
    missing = [node for node in nodes(run) if not (run / f"results/nodes/{node}.jsonl").exists()]
    assert len(missing) == 1


def test_fault_count_mismatch(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.COUNT_MISMATCH)
    assert [counts_agree(run, node) for node in nodes(run)].count(False) == 1


def test_fault_duplicate_entity(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.DUPLICATE_ENTITY)
    assert all(counts_agree(run, node) for node in nodes(run))
    first, *_, last = list(json_lines(run, f"results/nodes/{WHOLE}.jsonl"))[1:]
    assert first["entity"] == last["entity"]
    assert value_of(last) != value_of(first)


def test_fault_nan(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.NAN)
    content = (run / f"results/nodes/{LINES}.jsonl").read_text()
    assert '"caseMix":NaN' in content
    assert '"values":NaN' in content
    assert ":-Infinity" in content


def test_fault_nul(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.NUL)
    names = [line["metadata"]["facility"] for line in entities(run, WHOLE).values()]
    assert sum("\x00" in name for name in names) == 1


def test_fault_bom(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.BOM)
    content = (run / f"results/nodes/{WHOLE}.jsonl").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert counts_agree(run, WHOLE)


def test_fault_path_escape(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.PATH_ESCAPE)
    paths = [node["result_path"] for node in document(run, "results/index.json")["nodes"]]
    assert [".." in path for path in paths].count(True) == 1


def test_fault_unknown_edge(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.UNKNOWN_EDGE)
    types = {edge["type"] for edge in document(run, "graph.json")["edges"]}
    known = {edge["id"] for edge in document(run, "metadata_bundle.json")["edge_types"]}
    assert types - known == {"resonates_with"}


def test_fault_validation_failed(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.VALIDATION_FAILED)
    assert document(run, "validation_report.json")["summary"]["failed"] == 1


def test_fault_failed_node(tmp_path: Path) -> None:
    run = faulty(tmp_path, Fault.FAILED_NODE)
    assert LINES not in nodes(run)
    assert document(run, "run_manifest.json")["node_count"] == len(nodes(run)) == 3
    assert not (run / f"results/nodes/{LINES}.jsonl").exists()
    lines = json_lines(run, "analysis/classification/classifications.jsonl")
    assert {line["node_id"] for line in lines} == {WHOLE}


def test_fault_half_gone(tmp_path: Path) -> None:
    first, last = made(tmp_path, runs=2, faults=(Fault.HALF_GONE,))
    assert 0.5 < len(keys(first) - keys(last)) / len(keys(first)) < 0.6
    assert all(counts_agree(Path(last.path), node) for node in nodes(last.path))


# ---- command ----


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    out = StringIO()
    call_command("make_sample_run", tmp_path, "--entities", "100", "--runs", "2", "--json", stdout=out)
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [run["run_id"] for run in told] == ["20260215120000", "20260315120000"]
    assert {"path", "files", "size_bytes", "lines", "entities", "types", "manifest_sha256"} <= told[0].keys()
    assert told[0]["path"] == str(tmp_path / "demo_graph" / "20260215120000")


def test_a_run_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    made(tmp_path, entities=100, runs=1)
    before = digests(tmp_path)
    with pytest.raises(CommandError) as refused:
        call_command("make_sample_run", tmp_path, "--entities", "100", "--runs", "2", stdout=StringIO())
    assert refused.value.returncode == 1
    assert digests(tmp_path) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"entities": 99},
        {"entities": 1_000_001},
        {"runs": 0},
        {"periods": 0},
        {"start_period": "202513"},
        {"graph": "../x"},
        {"graph": ".."},
        {"seed": -1},
    ],
)
def test_senseless_options_write_nothing(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SampleOptionsInvalid):
        made(tmp_path / "runs", **wrong)
    assert not (tmp_path / "runs").exists()


def test_existing_runs_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "demo_graph" / "20260315120000").mkdir(parents=True)
    with pytest.raises(SampleRunExists):
        made(tmp_path, runs=2)
    assert not (tmp_path / "demo_graph" / "20260215120000").exists()
