"""The gate lets complete and consistent runs through, and says why others wait or are rejected."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.signals.artifacts.control import parse_started_at
from apps.signals.artifacts.findings import capped
from apps.signals.artifacts.gate import look_at
from apps.signals.artifacts.periods import first_day
from apps.signals.sampling.options import SampleOptions
from apps.signals.sampling.runs import make_sample_runs
from tests.signals.load.runs import AGGREGATE, codes_of, copy_run, edit_line, rewrite, verdict_of

INDEX = "results/index.json"
MANIFEST = "run_manifest.json"


@pytest.fixture
def run(pristine: Path, tmp_path: Path) -> Path:
    return copy_run(pristine, tmp_path)


def first_node(index: dict[str, Any]) -> dict[str, Any]:
    node: dict[str, Any] = index["nodes"][0]
    return node


def cut(run: Path) -> None:
    path = run / AGGREGATE
    path.write_bytes(path.read_bytes()[:-20])


def make_legacy(run: Path) -> None:
    (run / AGGREGATE).rename((run / AGGREGATE).with_suffix(".json"))


def link_out(run: Path) -> None:
    (run / "analysis" / "link.json").symlink_to("/etc/hostname")


def set_path(named: str) -> Callable[[Path], object]:
    return lambda run: rewrite(run / INDEX, lambda index: first_node(index).update(result_path=named))


def set_in(path: str, **values: Any) -> Callable[[Path], object]:
    return lambda run: rewrite(run / path, lambda document: document.update(values))


def append_line(run: Path) -> None:
    with (run / AGGREGATE).open("ab") as stream:
        stream.write(b"{}\n")


def double_node(run: Path) -> None:
    rewrite(run / INDEX, lambda index: index["nodes"].append(index["nodes"][0]))
    rewrite(run / MANIFEST, lambda manifest: manifest.update(node_count=manifest["node_count"] + 1))


def name_node(run: Path, name: str) -> None:
    rewrite(run / INDEX, lambda index: first_node(index).update(canonical_node_id=name))


SPOILED: list[tuple[str, Callable[[Path], object], str, bool]] = [
    ("no index", lambda run: (run / INDEX).unlink(), "gate.incomplete", False),
    ("half a manifest", lambda run: (run / MANIFEST).write_text('{"run_id": "2'), "gate.incomplete", False),
    ("no results", lambda run: (run / AGGREGATE).unlink(), "gate.incomplete", False),
    ("a cut line", cut, "gate.truncated", False),
    ("a line too many", append_line, "gate.count_mismatch", False),
    ("a node too few", set_in(MANIFEST, node_count=3), "gate.count_mismatch", False),
    ("a node twice", double_node, "gate.count_mismatch", False),
    ("another run's manifest", set_in(MANIFEST, run_id="other"), "gate.run_id_mismatch", False),
    ("another run's index", set_in(INDEX, run_id="other"), "gate.run_id_mismatch", False),
    ("a later schema", set_in("run_manifest.semantic.json", schema_version=2), "gate.schema_version", True),
    ("results outside", set_path("../../secret.jsonl"), "gate.path_escape", True),
    ("an odd node id", lambda run: name_node(run, "../x"), "gate.path_escape", True),
    ("a link outside", link_out, "gate.path_escape", True),
    ("one object of all", make_legacy, "gate.legacy_format", True),
    (
        "failed layers",
        lambda run: (run / "validation_report.json").write_text('{"summary": {"failed": 2}}'),
        "gate.validation_failed",
        True,
    ),
]


def test_a_complete_run_passes(pristine: Path) -> None:
    verdict = verdict_of(pristine)

    assert verdict.passes
    assert verdict.findings == ()


@pytest.mark.parametrize(
    ("spoil", "code", "is_permanent"),
    [pytest.param(*each, id=name) for name, *each in SPOILED],
)
def test_a_spoiled_run_does_not_pass(
    run: Path, spoil: Callable[[Path], object], code: str, is_permanent: bool
) -> None:
    spoil(run)

    verdict = verdict_of(run)
    assert not verdict.passes
    assert code in codes_of(verdict)
    assert verdict.is_permanent is is_permanent


def test_failed_layers_can_be_accepted(run: Path) -> None:
    (run / "validation_report.json").write_text('{"summary": {"failed": 2}}')

    look = look_at(run, accept_validation=True)
    assert look.blocking == []
    assert [finding.code for finding in look.findings] == ["load.validation_warning"]


def test_the_digest_is_that_of_the_sorted_files(tmp_path: Path) -> None:
    (made,) = make_sample_runs(SampleOptions(tmp_path, entities=100, runs=1))
    run = Path(made.path)
    assert verdict_of(run).manifest_sha256 == made.manifest_sha256

    (run / "_COMPLETE").touch()
    assert verdict_of(run).manifest_sha256 == made.manifest_sha256
    edit_line(run / AGGREGATE, 2, lambda line: line + b" ")
    assert verdict_of(run).manifest_sha256 != made.manifest_sha256


def test_odd_names_and_texts_can_be_written_down(run: Path) -> None:
    os.close(os.open(os.fsencode(run) + b"/\xff.json", os.O_CREAT))
    rewrite(run / MANIFEST, lambda manifest: manifest["results"].update(index_path="\x00../x"))

    verdict = verdict_of(run)
    assert codes_of(verdict) == {"gate.path_escape"}
    for finding in capped(verdict.findings):
        assert "\x00" not in finding.file + finding.message
        (finding.file + finding.message).encode()


def test_nul_is_removed_from_control_files(run: Path) -> None:
    set_in("run_manifest.semantic.json", taxonomy_hash="a\x00b")(run)

    verdict = verdict_of(run)
    assert verdict.passes
    assert verdict.look.declared.semantic.taxonomy_hash == "ab"


def test_paths_of_the_writers_machine_are_found(run: Path) -> None:
    set_path(f"/app/out/{run.name}/{AGGREGATE}")(run)
    assert verdict_of(run).passes
    set_path("/app/out/losIndex__medicareId__aggregate_time_period.jsonl")(run)
    assert verdict_of(run).passes


def test_control_files_may_hold_bom_and_numbers_as_fractions(run: Path) -> None:
    manifest = json.loads((run / MANIFEST).read_text())
    manifest["node_count"] = float(manifest["node_count"])
    (run / MANIFEST).write_bytes(b"\xef\xbb\xbf" + json.dumps(manifest | {"more": float("nan")}).encode())

    assert verdict_of(run).passes


@pytest.mark.parametrize(
    "text",
    ["2026-01-05T06:00:00Z", "2026-01-05T06:00:00+00:00Z", "2026-01-05T07:00:00+01:00", "2026-01-05 06:00"],
)
def test_a_start_is_read_as_an_instant(text: str) -> None:
    assert parse_started_at(text).isoformat() == "2026-01-05T06:00:00+00:00"


@pytest.mark.parametrize("text", ["202407", "2024-07", "20240715", "2024-07-15", "2024-Q3", "2024Q3"])
def test_a_period_is_its_first_day(text: str) -> None:
    day = first_day(text)
    assert day is not None
    assert day.isoformat() == "2024-07-01"


@pytest.mark.parametrize("text", ["", "2024-13", "July", "2024-Q5"])
def test_what_is_no_period_has_no_day(text: str) -> None:
    assert first_day(text) is None
