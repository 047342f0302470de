"""All checks of one run, in the order of the pipeline."""

from collections.abc import Iterator

from apps.signals.checking import files, relations
from apps.signals.checking.answers import check_answer
from apps.signals.checking.findings import Check
from apps.signals.models import Run


def check_run(run: Run, *, statistics: bool, sample: int) -> Iterator[Check]:
    """Yield each check of a hydrated run once it is done; with `statistics` every figure is recomputed."""
    is_current = run.graph.current_run_id == run.pk
    yield files.check_files(run)
    yield files.check_lines(run)
    yield relations.check_entities(run)
    yield relations.check_present(run, is_current=is_current)
    yield relations.check_hashes(run, sample)
    yield relations.check_shares(run)
    yield relations.check_severities(run)
    yield relations.check_reported(run)
    if statistics:
        yield files.check_formulas(run)
    yield check_answer(run)
