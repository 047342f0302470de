"""The statistics check of one run folder."""

from collections.abc import Iterator
from pathlib import Path

from apps.signals.formulas.verification.analyses import Trends, check_classifications, check_contributions
from apps.signals.formulas.verification.differences import Difference
from apps.signals.formulas.verification.nodes import check_node, figures_of
from apps.signals.formulas.verification.reading import read_node

FACILITY_DIMENSION = "medicareId"


def check_statistics(run_folder: Path, facility_dimension: str = FACILITY_DIMENSION) -> Iterator[Difference]:
    """Return each figure of a local run folder that is not what its values give, by file.

    Nodes first, the farthest off first within a node, then classifications and contributions by line.
    Lines that a load would reject are left out. One node is held at a time, and two numbers per entity
    and figure of the classifications.
    """
    trends = Trends(facility_dimension)
    for path in sorted((run_folder / "results" / "nodes").glob("*.jsonl")):
        table = read_node(path, path.relative_to(run_folder).as_posix(), facility_dimension)
        if table is None:
            continue
        figures = figures_of(table)
        yield from check_node(table, figures)
        trends.add(table, figures)
    analysis = run_folder / "analysis"
    for path in sorted((analysis / "classification").glob("*.jsonl")):
        yield from check_classifications(path, path.relative_to(run_folder).as_posix(), trends)
    for path in sorted((analysis / "contribution").glob("*.jsonl")):
        yield from check_contributions(path, path.relative_to(run_folder).as_posix(), facility_dimension)
