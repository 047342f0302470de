"""The body of `spatial.evaluate`: what an artifact would have expected of other data, and what came."""

from datetime import date
from typing import Any, Final

from apps.common.errors import Invalid
from apps.common.jobs import Run
from apps.datasets.models import Version
from apps.datasets.queries import Floats
from apps.spatial.forecasting.features import features_at
from apps.spatial.forecasting.panel import MIN_HISTORY, HistoryTooShort, Panel
from apps.spatial.forecasting.rolling import roll
from apps.spatial.forecasting.scoring import score
from apps.spatial.models import Evaluation, ForecastModel
from apps.spatial.training.artifact_files import load_learned
from apps.spatial.training.studies import read_study, studied_version, study_panel

MAX_PERIODS: Final = 120
PANEL_DONE: Final = 0.2
ORIGINS_DONE: Final = 0.97


class WindowTooLong(Invalid):
    """The window has more periods than can be evaluated at once, which is 120."""

    code = "spatial.window_too_long"


def evaluate(run: Run[Evaluation]) -> None:
    """Compute the metrics of an artifact on a dataset's current version and end the run with them."""
    row = run.row
    version = studied_version(row.dataset)
    run.write(dataset_version=version.number)
    run.succeed(metrics=judge(run, version), stage="done")


def judge(run: Run[Evaluation], version: Version) -> dict[str, Any]:
    """Return the metrics; raises HistoryTooShort, WindowTooLong, CategoryUnknown, ArtifactCorrupt."""
    row, model = run.row, run.row.model
    learned = load_learned(row.artifact)
    study = read_study(model, version)
    first, end = window_of(row, study.counts.starts, model)
    panel = study_panel(model, study, first).before(end)
    run.progress(PANEL_DONE, stage="panel")

    def expect(past: Panel, at: int) -> Floats:
        return learned.forest.predict(features_at(past, panel.starts[at]))

    def watch(done: int, number: int) -> None:
        share = PANEL_DONE + (ORIGINS_DONE - PANEL_DONE) * done / number
        run.progress(share, stage=f"period {done} of {number}")

    return score(roll(panel, first, expect, watch))


def window_of(row: Evaluation, starts: tuple[date, ...], model: ForecastModel) -> tuple[int, int]:
    """Return the indexes [first, end) of the periods that start in the window, by default the last ones.

    Raises HistoryTooShort unless eight periods lie before the first, WindowTooLong.
    """
    start, to = (row.parameters.get(name) for name in ("from", "to"))
    end = len(starts) if to is None else sum(each < date.fromisoformat(to) for each in starts)
    first = end - model.origins
    if start is not None:
        first = sum(each < date.fromisoformat(start) for each in starts)
    if first < MIN_HISTORY or first >= end:
        raise HistoryTooShort(
            f"{max(0, end - first)} of {len(starts)} whole periods lie in the window, {max(0, first)} before"
            f" it; at least one in it and {MIN_HISTORY} before it are needed."
        )
    if end - first > MAX_PERIODS:
        raise WindowTooLong
    return first, end
