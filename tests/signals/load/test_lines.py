"""Lines that are nearly right are put right and counted; others are rejected, or fail the load."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from apps.signals.artifacts.repair import NotJson, repair, to_json
from apps.signals.loading.reading import FileReader, Line, Remarks
from apps.signals.models import Run, RunFinding
from apps.signals.states import RunStatus
from tests.signals.load.runs import (
    AGGREGATE,
    RUN,
    Load,
    copy_run,
    edit_line,
    left_tables,
    rewrite,
    rows_of,
)

EXPERIMENTS = "modeling/experiments.json"


def edited(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    """Return the change of a line that changes its object."""

    def apply(line: bytes) -> bytes:
        value = json.loads(line)
        change(value)
        return json.dumps(value).encode()

    return apply


def instead(line: bytes, _line: bytes) -> bytes:
    """Put a line in the place of another."""
    return line


@pytest.fixture
def run(pristine: Path, tmp_path: Path) -> Path:
    return copy_run(pristine, tmp_path)


def entity(line_no: int, columns: str) -> tuple[Any, ...]:
    (row,) = rows_of(
        "raw_entity_results",
        columns,
        f"line_no = {line_no} AND node_id = 'losIndex__medicareId__aggregate_time_period'",
    )
    return row


@pytest.mark.parametrize(
    ("text", "value", "nulled", "nuls"),
    [
        (b'{"a": NaN, "b": [Infinity, -Infinity, 1e999]}', {"a": None, "b": [None, None, None]}, 4, 0),
        (b'{"a\\u0000b": "x\\u0000\\u0000y"}', {"ab": "xy"}, 0, 3),
        (b'{"a": 1, "a": 2}', {"a": 2}, 0, 0),
        (b'{"a": "\\ud800x"}', {"a": "?x"}, 0, 0),
        ('{"a": "é\\ud83d\\ude00"}'.encode(), {"a": "é😀"}, 0, 0),
        (b'{"a": -24173.89, "b": 1e15}', {"a": -24173.89, "b": 1e15}, 0, 0),
    ],
)
def test_json_that_is_nearly_right_is_repaired(text: bytes, value: Any, nulled: int, nuls: int) -> None:
    repaired = repair(text)

    assert (repaired.value, repaired.nulled, repaired.nuls) == (value, nulled, nuls)
    assert json.loads(to_json(repaired.value)) == value


@pytest.mark.parametrize("text", [b"", b"{", b'{"a": "\xff"}', b"[" * 100_000, b"1" * 10_000])
def test_what_is_no_json_is_not_repaired(text: bytes) -> None:
    with pytest.raises(NotJson):
        repair(text)


def read(path: Path, content: bytes) -> tuple[list[Line], Remarks, FileReader]:
    (path / "lines.jsonl").write_bytes(content)
    reader, remarks = FileReader(path, "lines.jsonl", lambda _count: None), Remarks()
    return list(reader.each_line(remarks, careful=False)), remarks, reader


def test_lines_are_whole_wherever_blocks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.signals.loading.reading.BLOCK_BYTES", 7)
    contents = [b"a" * length for length in range(30)] + ["é".encode() * 5, b"x\\u0000"]

    lines, _remarks, reader = read(tmp_path, b"\n".join(contents) + b"\n")
    assert [line.content for line in lines] == contents
    assert [line.number for line in lines] == list(range(1, 33))
    assert [line.number for line in lines if line.careful] == [32]
    assert reader.lines == 32


def test_an_over_long_line_is_rejected_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.signals.loading.reading.BLOCK_BYTES", 64)
    monkeypatch.setattr("apps.signals.loading.reading.LINE_BYTES", 200)

    lines, remarks, _reader = read(tmp_path, b"first\n" + b"x" * 1_000 + b"\nthird\n")
    assert [line.content for line in lines] == [b"first", b"third"]
    assert [(remark.code, remark.line) for remark in remarks.all()] == [("load.line_rejected", 2)]


@pytest.mark.django_db(transaction=True)
def test_figures_are_stored_exactly_and_odd_values_of_optional_fields_as_null(load: Load, run: Path) -> None:
    def exact(value: dict[str, Any]) -> None:
        value["metric"][0]["values"] = -24173.89
        value["metadata"]["encounters"] = 1e15
        value["entity"] = [{"id": "medicareId", "value": 12.0}, {"id": "systemName", "value": "S"}]
        value["more"] = {"kept": "Ear, Nose/Throat: A|B é"}

    def odd(value: dict[str, Any]) -> None:
        value["metadata"]["encounters"] = {"not": "a number"}
        value["metric"][0]["values"] = "twelve"

    edit_line(run / AGGREGATE, 2, edited(exact))
    edit_line(run / AGGREGATE, 3, edited(odd))
    assert load(RUN)[0] == 0
    columns = "metric_value, encounters, facility_id, dimensions::text, payload ->> 'more'"
    *figures, more = entity(2, columns)
    assert figures == [-24173.89, 1e15, "12", "[]"]
    assert json.loads(more) == {"kept": "Ear, Nose/Throat: A|B é"}
    assert entity(3, "metric_value, encounters") == (None, None)


BAD_LINES = (
    b"[]",
    b"",
    b'{"entity": []}',
    b'{"metric": [{"values": 1}]}',
    b'{"entity": [{"id": "\xff\xfe"}], "metric": []}',
    b'{"entity": [], "metric": [], "deep": ' + b"[" * 3_000 + b"]" * 3_000 + b"}",
)


@pytest.mark.django_db(transaction=True)
def test_bad_lines_fail_the_load_unless_they_are_allowed(load: Load, run: Path) -> None:
    for number, line in enumerate(BAD_LINES, start=2):
        edit_line(run / AGGREGATE, number, partial(instead, line))

    code, report = load(RUN, "--allow-rejected", str(len(BAD_LINES) - 1))
    assert (code, report["error_code"], report["run_status"]) == (1, "signals.lines_rejected", "load_failed")
    findings = RunFinding.objects.filter(code="load.line_rejected", severity="error", file=AGGREGATE)
    assert sorted(findings.values_list("line", flat=True)) == list(range(2, 2 + len(BAD_LINES)))
    assert left_tables() == []

    code, report = load(RUN, "--allow-rejected", str(len(BAD_LINES)))
    assert (code, report["run_status"], report["rejected"]) == (0, RunStatus.LOADED, len(BAD_LINES))


@pytest.mark.django_db(transaction=True)
def test_what_only_the_database_refuses_is_read_the_slow_way(load: Load, run: Path) -> None:
    # No decoder minds the number, as nothing reads it; no numeric of PostgreSQL holds it.
    edit_line(run / AGGREGATE, 2, lambda line: line[:-1] + b', "more": 1e400000}')

    assert load(RUN)[0] == 0
    assert entity(2, "payload -> 'more'") == ("null",)
    assert RunFinding.objects.get(code="load.number_nulled").count == 1


@pytest.mark.django_db(transaction=True)
def test_drivers_outside_the_run_are_left_out(load: Load, run: Path) -> None:
    def change(experiments: list[Any]) -> None:
        for experiment, named in zip(experiments, ("../../../../etc/passwd", "/etc/passwd"), strict=True):
            experiment["artifacts"]["interpretability"]["global_summary"] = named

    rewrite(run / EXPERIMENTS, change)
    code, report = load(RUN)
    assert (code, report["rows"]["raw_modeling_drivers"]) == (0, 0)
    # The first leads out; the second is of the writer's machine, and a file of its name is not in the run.
    findings = RunFinding.objects.filter(file=EXPERIMENTS).order_by("line")
    assert list(findings.values_list("line", "code", "severity")) == [
        (1, "gate.path_escape", "error"),
        (2, "load.optional_missing", "info"),
    ]
    assert "'../../../../etc/passwd' is no path inside the run." in findings[0].message
    assert Run.objects.get().status == "loaded"


@pytest.mark.django_db(transaction=True)
def test_a_bundle_of_the_installation_serves_runs_without_one(
    load: Load, run: Path, tmp_path: Path, settings: Any
) -> None:
    (run / "metadata_bundle.json").unlink()
    (tmp_path / "taxonomy").mkdir()
    (tmp_path / "taxonomy" / "metadata_bundle.yaml").write_text(
        "version: 7\nmetrics:\n- metric_id: losIndex\n"
    )
    settings.TAXONOMY_PATH = str(tmp_path / "taxonomy")

    assert load(RUN)[0] == 0
    assert rows_of("raw_documents", "payload ->> 'version'", "kind = 'metadata_bundle'") == [("7",)]
    assert Run.objects.get().files.filter(path="taxonomy:metadata_bundle.yaml").exists()
