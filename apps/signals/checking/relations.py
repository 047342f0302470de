"""Raw rows against marts, marts against signals: nothing lost, nothing doubled, nothing made up."""

from typing import Any, Final

import orjson
from django.db import connection
from psycopg.sql import SQL, Composed, Identifier

from apps.signals.checking.findings import Check
from apps.signals.keys import signal_key
from apps.signals.models import CONTENT_COLUMNS, Run
from apps.signals.rules.table import SEVERITY_RANGES
from apps.signals.storage.mart_schema import FCT_CONTRIBUTIONS, FCT_SIGNALS
from apps.signals.storage.marts import mart

SHARE_TOLERANCE: Final = 0.01
# Aggregate entities, each once, that are not suppressed, and the signals of the mart: what only one side has.
ENTITIES: Final = """
WITH entity AS (
    SELECT DISTINCT ON (node_id, entity_hash) signal_key, jsonb_path_exists(
        payload,
        '$.statistical_methods[*] ? (@.statistical_method starts with "statistical_method__simple_zscore__")
          .statistics ? (@.suppressed == true)'
    ) AS is_suppressed
    FROM raw_entity_results
    WHERE run_id = %(run)s AND NOT is_temporal
    ORDER BY node_id, entity_hash, line_no
)
SELECT coalesce(entity.signal_key, m.signal_key), entity.signal_key IS NULL, m.signal_key IS NULL
FROM (SELECT signal_key FROM entity WHERE NOT is_suppressed) entity
FULL JOIN (SELECT signal_key FROM {mart} WHERE run_id = %(run)s) m ON m.signal_key = entity.signal_key
"""
# Of the graph's current run: present signals of the run's nodes. Of another run: its observations.
PRESENT: Final = """
SELECT coalesce(s.signal_key, m.signal_key), s.signal_key IS NULL, m.signal_key IS NULL
FROM (
    SELECT signal_key FROM {mart}
    WHERE run_id = %(run)s AND node_id IS NOT NULL AND metric_id IS NOT NULL AND signal_type IS NOT NULL
) m
FULL JOIN (
    SELECT s.signal_key FROM signals_signal s
    JOIN signals_node node ON node.run_id = %(run)s AND node.node_id = s.node_id
    WHERE s.graph_id = %(graph)s AND %(is_current)s AND s.absent_since_run_id IS NULL
    UNION ALL
    SELECT s.signal_key FROM signals_observation o
    JOIN signals_signal s ON s.id = o.signal_id
    WHERE o.run_id = %(run)s AND NOT %(is_current)s
) s ON s.signal_key = m.signal_key
"""
OBSERVATIONS: Final = """
SELECT s.signal_key, o.content_hash = m.content_hash AND o.metric_value IS NOT DISTINCT FROM m.metric_value
    AND o.aggregate_file_id = m.aggregate_file_id AND o.aggregate_line = m.aggregate_line
FROM signals_observation o
JOIN signals_signal s ON s.id = o.signal_id
JOIN {mart} m ON m.run_id = o.run_id AND m.signal_key = s.signal_key
WHERE o.run_id = %(run)s
"""
SHARES: Final = """
SELECT parent_signal_key, child_node_id, metric_id, sum(weight_share), sum(contribution_value)
FROM {contributions}
WHERE run_id = %(run)s
GROUP BY parent_signal_key, child_node_id, metric_id
ORDER BY 1, 2, 3
"""
SEVERITIES: Final = "SELECT signal_key, signal_type, severity FROM {mart} WHERE run_id = %(run)s"
REPORTED: Final = """
SELECT m.signal_key, m.reported_type, c.signal_type, m.signal_type, m.classification_agrees
FROM {mart} m
JOIN raw_classifications c ON c.run_id = m.run_id AND c.file_id = m.classification_file_id
 AND c.line_no = m.classification_line
WHERE m.run_id = %(run)s
"""
KEYS: Final = """
SELECT signal_key, metric_id, node_id, facility_id, dimensions FROM {mart}
WHERE run_id = %(run)s AND node_id IS NOT NULL ORDER BY md5(signal_key::text) LIMIT %(sample)s
"""


def check_entities(run: Run) -> Check:
    """Compare the aggregate entities that are not suppressed with the rows of the mart."""
    return _both_sides("entities", run, ENTITIES, "the files", "the mart")


def check_present(run: Run, *, is_current: bool) -> Check:
    """Compare the mart with the signals that are present, or for an earlier run with its observations."""
    there = "the signals" if is_current else "the observations"
    return _both_sides("signals", run, PRESENT, there, "the mart", is_current=is_current)


def check_hashes(run: Run, sample: int) -> Check:
    """Compare observations with the mart, then keys and all content columns of `sample` signals."""
    check = Check("hashes")
    for key, is_same in _rows(OBSERVATIONS, run):
        check.expect(holds=bool(is_same), otherwise=f"the observation of {key} is not the mart's row")
    graph = run.graph.name
    for key, metric_id, node_id, facility_id, dimensions in _rows(KEYS, run, sample=sample):
        pairs = [(name, value) for name, value in orjson.loads(dimensions)]
        made = signal_key(graph, metric_id or "", node_id, facility_id, pairs)
        check.expect(holds=made == key, otherwise=f"{key} should be {made}")
    with connection.cursor() as cursor:
        cursor.execute(_same_content(), {"run": run.pk, "sample": sample})
        for key, is_same in cursor.fetchall():
            check.expect(holds=bool(is_same), otherwise=f"signal {key} does not say what the mart says")
    return check


def check_shares(run: Run) -> Check:
    """Check that the shares of each parent's children sum to 1."""
    check = Check("shares")
    for key, child_node, metric, weights, contributions in _rows(SHARES, run):
        for name, total in (("weight", weights), ("contribution", contributions)):
            holds = total is None or abs(total - 1.0) <= SHARE_TOLERANCE
            check.expect(holds=holds, otherwise=f"{name} shares of {key} in {child_node} {metric}: {total}")
    return check


def check_severities(run: Run) -> Check:
    """Check that every severity lies in the range of its type."""
    check = Check("severities")
    for key, signal_type, severity in _rows(SEVERITIES, run):
        low, high = SEVERITY_RANGES.get(signal_type, (0, -1))
        check.expect(holds=low <= severity <= high, otherwise=f"{key}: {signal_type} {severity}")
    return check


def check_reported(run: Run) -> Check:
    """Check that the mart names the type of the file's line, and says rightly whether it agrees."""
    check = Check("reported")
    for key, reported, written, computed, agrees in _rows(REPORTED, run):
        holds = reported == written and agrees == (written == computed)
        check.expect(holds=holds, otherwise=f"{key}: the file says {written}, the mart {reported}")
    return check


def _both_sides(name: str, run: Run, statement: str, one: str, other: str, **given: Any) -> Check:
    check = Check(name)
    for key, is_only_other, is_only_one in _rows(statement, run, **given):
        check.checked += 1
        if is_only_other:
            check.note(f"{key} is in {other} only, not in {one}")
        elif is_only_one:
            check.note(f"{key} is in {one} only, not in {other}")
    return check


def _same_content() -> Composed:
    """Return the statement that compares all content columns of some signals whose content is the run's."""
    pairs = (SQL("s.{0} IS NOT DISTINCT FROM m.{0}").format(Identifier(column)) for column in CONTENT_COLUMNS)
    return SQL(
        "SELECT s.signal_key, {} FROM signals_signal s "
        "JOIN {} m ON m.run_id = s.content_run_id AND m.signal_key = s.signal_key "
        "WHERE s.content_run_id = %(run)s ORDER BY md5(s.signal_key::text) LIMIT %(sample)s"
    ).format(SQL(" AND ").join(pairs), mart(FCT_SIGNALS))


def _rows(statement: str, run: Run, **given: Any) -> list[tuple[Any, ...]]:
    composed = SQL(statement).format(mart=mart(FCT_SIGNALS), contributions=mart(FCT_CONTRIBUTIONS))
    with connection.cursor() as cursor:
        cursor.execute(composed, {"run": run.pk, "graph": run.graph_id, **given})
        return cursor.fetchall()
