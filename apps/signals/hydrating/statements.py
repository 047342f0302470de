"""The SQL of a batch: which rows there are, and the upserts of signals and observations.

All names are given as parameters: organization, graph, run, run_started_at, now, and arrays of equal length
that are unnested into `given`.
"""

from typing import Final

from psycopg.sql import SQL, Composable, Composed, Identifier

from apps.signals.hydrating.scope import signals_mart
from apps.signals.models import CONTENT_COLUMNS

# What an observation keeps of the mart's row.
OBSERVED: Final = (
    "metric_value",
    "benchmark_value",
    "percentile_rank",
    "encounters",
    "simple_z",
    "aggregate_zscore",
    "slope_percentile",
    "signal_type",
    "severity",
    "reported_type",
    "data_period",
    "content_hash",
    "aggregate_file_id",
    "aggregate_line",
    "temporal_file_id",
    "temporal_line",
)
# The files are compared as well: a line that moved is another origin of the same content.
OBSERVATION_IDENTITY: Final = ("content_hash", "aggregate_file_id", "aggregate_line", "temporal_line")
# Why a row is not hydrated; null if it is. Texts beyond these sizes fit no column or not into
# the index that carries the lists, whose entries hold 2.7 kB.
REASON: Final = """
CASE WHEN m.node_id IS NULL THEN 'it has no node'
     WHEN m.metric_id IS NULL THEN 'it has no metric'
     WHEN m.signal_type IS NULL THEN 'it has no type'
     WHEN length(m.node_id) > 255 OR length(m.temporal_node_id) > 255 THEN 'its node has too long a name'
     WHEN length(m.metric_id) > 255 THEN 'its metric has too long a name'
     WHEN length(m.domain) > 80 THEN 'its domain has too long a name'
     WHEN octet_length(concat(m.facility_id, m.facility_name, m.system_name, m.service_line,
                              m.sub_service_line, m.groupby_label, m.metric_id, m.node_id)) > 2200
          THEN 'its names are too long'
     WHEN octet_length(m.description) > 100000 THEN 'its description is too long'
END
"""


def next_rows() -> Composed:
    """Return the statement that reads the next rows of the run: (signal_key, reason to skip it or null)."""
    return SQL(
        "SELECT m.signal_key, {reason} FROM {mart} m "
        "WHERE m.run_id = %(run)s AND m.signal_key > %(after)s "
        "AND (%(facilities)s::text[] IS NULL OR m.facility_id = ANY(%(facilities)s::text[])) "
        "ORDER BY m.signal_key LIMIT %(rows)s"
    ).format(reason=SQL(REASON), mart=signals_mart())


def lock_known() -> Composed:
    """Return the statement that locks the signals of a batch in key order and compares them with the mart.

    Each row: id, signal_key, absent_since_run_id, absent_runs, whether content and presence are as the run
    says, the origin that its observation should name, whether there is a workflow row.
    """
    return SQL(
        "SELECT s.id, s.signal_key, s.absent_since_run_id, s.absent_runs, "
        "s.content_hash IS NOT DISTINCT FROM m.content_hash AND s.absent_since_run_id IS NULL, "
        "ROW({origin})::text, EXISTS (SELECT FROM signals_workflow w WHERE w.signal_id = s.id) "
        "FROM signals_signal s "
        "JOIN {mart} m ON m.run_id = %(run)s AND m.signal_key = s.signal_key "
        "WHERE s.organization_id = %(organization)s AND s.signal_key = ANY(%(keys)s::uuid[]) "
        "ORDER BY s.signal_key FOR NO KEY UPDATE OF s"
    ).format(mart=signals_mart(), origin=_listed("m.{}", OBSERVATION_IDENTITY))


def observed_origins() -> Composed:
    """Return the statement of what signals' observations in the run say already: signal_id, origin."""
    return SQL(
        "SELECT signal_id, ROW({columns})::text FROM signals_observation "
        "WHERE organization_id = %(organization)s AND run_id = %(run)s "
        "AND signal_id = ANY(%(signals)s::uuid[])"
    ).format(columns=_listed("{}", OBSERVATION_IDENTITY))


def upsert_signals(*, is_late: bool) -> Composed:
    """Return the upsert of a batch's signals; returns (signal_key, id) of what was created or changed.

    A late run changes no signal, and what it alone knows is absent from the start.
    """
    return SQL(
        "INSERT INTO signals_signal AS s (id, created_at, updated_at, organization_id, signal_key, graph_id, "
        "first_run_id, content_run_id, content_hash, first_detected_at, last_changed_at, "
        "absent_since_run_id, absent_runs, child_count, {columns}) "
        "SELECT given.id, %(now)s, %(now)s, %(organization)s, m.signal_key, %(graph)s, %(run)s, %(run)s, "
        "m.content_hash, %(run_started_at)s, %(now)s, {absent}, 0, {values} "
        "FROM unnest(%(keys)s::uuid[], %(ids)s::uuid[]) AS given (signal_key, id) "
        "JOIN {mart} m ON m.run_id = %(run)s AND m.signal_key = given.signal_key "
        "ON CONFLICT (organization_id, signal_key) {action} RETURNING s.signal_key, s.id"
    ).format(
        columns=_listed("{}", CONTENT_COLUMNS),
        values=_listed("m.{}", CONTENT_COLUMNS),
        absent=SQL("%(absent_since)s::uuid, 1" if is_late else "NULL::uuid, 0"),
        mart=signals_mart(),
        action=SQL("DO NOTHING") if is_late else _update_signals(),
    )


def _update_signals() -> Composed:
    return SQL(
        "DO UPDATE SET updated_at = excluded.updated_at, last_changed_at = excluded.last_changed_at, "
        "content_run_id = excluded.content_run_id, content_hash = excluded.content_hash, "
        "absent_since_run_id = NULL, absent_runs = 0, {assigned} "
        "WHERE s.content_hash IS DISTINCT FROM excluded.content_hash OR s.absent_since_run_id IS NOT NULL"
    ).format(assigned=_listed("{0} = excluded.{0}", CONTENT_COLUMNS))


def upsert_observations() -> Composed:
    """Return the upsert of a batch's observations; returns signal_id of those that were made or changed."""
    return SQL(
        "INSERT INTO signals_observation AS o (id, created_at, updated_at, organization_id, signal_id, "
        "run_id, {columns}) "
        "SELECT given.id, %(now)s, %(now)s, %(organization)s, given.signal_id, %(run)s, {values} "
        "FROM unnest(%(keys)s::uuid[], %(signals)s::uuid[], %(ids)s::uuid[]) "
        "AS given (signal_key, signal_id, id) "
        "JOIN {mart} m ON m.run_id = %(run)s AND m.signal_key = given.signal_key "
        "ON CONFLICT (organization_id, signal_id, run_id) DO UPDATE SET updated_at = excluded.updated_at, "
        "{assigned} WHERE {differs} RETURNING o.signal_id"
    ).format(
        columns=_listed("{}", OBSERVED),
        values=_listed("m.{}", OBSERVED),
        mart=signals_mart(),
        assigned=_listed("{0} = excluded.{0}", OBSERVED),
        differs=_distinct("o", "excluded"),
    )


MISSING_WORKFLOWS: Final = """
INSERT INTO signals_workflow (id, created_at, updated_at, organization_id, signal_id, status, resolution_code,
                              resolution_notes, reopen_count, snooze_next_run, due_kind, version)
SELECT given.id, %(now)s, %(now)s, %(organization)s, given.signal_id, 'new', '', '', 0, false, '', 1
FROM unnest(%(signals)s::uuid[], %(ids)s::uuid[]) AS given (signal_id, id)
ON CONFLICT (organization_id, signal_id) DO NOTHING
"""


def _listed(template: str, names: tuple[str, ...]) -> Composable:
    return SQL(", ").join(SQL(template).format(Identifier(name)) for name in names)


def _distinct(known: str, new: str) -> Composable:
    """Return the test whether two rows of an observation differ."""
    return (
        SQL("(")
        + SQL(" OR ").join(
            SQL("{0}.{2} IS DISTINCT FROM {1}.{2}").format(
                Identifier(known), Identifier(new), Identifier(column)
            )
            for column in OBSERVATION_IDENTITY
        )
        + SQL(")")
    )
