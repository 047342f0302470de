"""Where the drivers of experiments lie: their paths are of the writer's machine."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import UUID

import msgspec

from apps.signals.artifacts.control import CONTROL_BYTES, decode
from apps.signals.artifacts.findings import OPTIONAL_MISSING, PATH_ESCAPE, Finding
from apps.signals.artifacts.listing import EXPERIMENTS, SHAP_FOLDER
from apps.signals.artifacts.paths import PathEscape, path_in_run, read_small
from apps.signals.artifacts.scanning import Scanned
from apps.signals.loading.plan import DRIVERS, FileTask
from apps.signals.loading.records import Experiment, loosely


def plan_drivers(
    run: Path, files: Mapping[str, Scanned], file_ids: Mapping[str, UUID]
) -> tuple[list[FileTask], list[Finding]]:
    """Return a task for the drivers of each experiment, and a finding for each that has none to be found."""
    tasks: dict[str, FileTask] = {}
    findings: list[Finding] = []
    for number, named in _summaries(run, files):
        try:
            path = path_in_run(named, run=run, folder=SHAP_FOLDER)
        except PathEscape as error:
            # An error to be seen, as of any path that leads out; the run itself needs no drivers and loads.
            findings.append(_without_drivers(number, str(error), PATH_ESCAPE))
            continue
        if path not in files:
            findings.append(_without_drivers(number, "its SHAP summary is not in the run."))
        elif path in tasks:
            findings.append(_without_drivers(number, "its SHAP summary is that of another one."))
        else:
            size_bytes = files[path].size_bytes
            tasks[path] = FileTask(file_ids[path], path, DRIVERS, size_bytes, experiment_no=number)
    return list(tasks.values()), findings


def _summaries(run: Path, files: Mapping[str, Scanned]) -> Iterator[tuple[int, str]]:
    """Yield number and path of each summary that an experiment names; what is unreadable names none."""
    if EXPERIMENTS not in files:
        return
    try:
        items = decode(read_small(run, EXPERIMENTS, CONTROL_BYTES), list[object])
    except (OSError, ValueError, PathEscape, RecursionError):
        return
    for number, item in enumerate(items, start=1):
        try:
            artifacts = loosely(Experiment, item).artifacts
        except msgspec.ValidationError:
            continue
        if artifacts and artifacts.interpretability and artifacts.interpretability.global_summary:
            yield number, artifacts.interpretability.global_summary


def _without_drivers(number: int, reason: str, code: str = OPTIONAL_MISSING) -> Finding:
    return Finding(code, f"Experiment {number} has no drivers: {reason}", EXPERIMENTS, number)
