"""Metrics beside VictoriaMetrics, InfluxDB and what one would write first: points taken, kept and answered.

1,000 metrics, loopback, two web processes, answers after the commit, worker and clock compacting meanwhile.
What the peers show beside JSON is their line protocol, which they take fastest. Promised in performance.md,
section 1; Arrow is not measured. BENCH_SECONDS is how long the sustained line runs, 300 by default.
"""

from collections.abc import Sequence

from benchmarks.metrics_answers import answer_rows
from benchmarks.metrics_candidates import forget, installed_peers, named, sextant
from benchmarks.metrics_ingest import Ingest, Sizes, commit_p99, ingest_rows
from benchmarks.metrics_load import Crew
from benchmarks.metrics_naive import naive_table
from benchmarks.metrics_peers import VICTORIA
from benchmarks.metrics_storage import compaction_rows, retention_row, weigh
from benchmarks.metrics_sustained import sustained_rows
from benchmarks.results import Row
from benchmarks.stage import Stage

TITLE = "Metrics"


def run(stage: Stage) -> Sequence[Row]:
    """Measure all rows."""
    peers = installed_peers(stage)
    ours = sextant(stage)
    try:
        with Crew() as crew, naive_table():
            commit_p99_ms = commit_p99()
            stage.notes.append(f"A commit of one row takes {commit_p99_ms:.1f} ms at the 99th percentile.")
            ingest = Ingest(stage, crew, ours, peers, Sizes.of(stage))
            ingest.warm()
            for _ in range(stage.rounds):
                ingest.round()
            answers = answer_rows(stage, ours, peers)
            weights = weigh(stage, ours, peers.get(named(VICTORIA, peers)))
            sustained = sustained_rows(stage, crew, ours, peers.get(named(VICTORIA, peers)))
            # From here on nobody but this process compacts.
            stage.stop(ours.beat)
            stage.stop(ours.worker)
            kept = [*compaction_rows(stage, crew, ours), retention_row(stage, ours)]
    finally:
        forget(ours)
    return [*ingest_rows(ingest.samples, peers, commit_p99_ms), *sustained, *weights, *answers, *kept]
