"""What the marts of a run show to be wrong in its files (signals-artifacts.md section 7)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import connection
from psycopg.sql import SQL, Composed, Identifier

MESSAGES: Final = {
    "build.contribution_parent_mismatch": "Parents whose contributions do not sum to their aggregate value",
    "build.share_sum": "Parents whose children's shares do not sum to 1",
    "build.system_conflict": "Facilities that stand in more than one system; the aggregate node's counts",
    "build.polarity_assumed": "Metrics of which nobody said which direction is good; lower was assumed",
    "build.reported_type_differs": "Signals whose file gives another type than the rules",
}
COUNTS_SQL: Final = SQL("""
SELECT run_id, 'build.contribution_parent_mismatch', count(DISTINCT parent_signal_key)
FROM {shares} WHERE run_id = ANY(%(runs)s) AND is_off_parent GROUP BY run_id
UNION ALL
SELECT run_id, 'build.share_sum', count(*)
FROM {shares} WHERE run_id = ANY(%(runs)s) AND NOT share_valid GROUP BY run_id
UNION ALL
SELECT run_id, 'build.system_conflict', count(*) FROM (
    SELECT run_id, facility_id FROM {entities}
    WHERE run_id = ANY(%(runs)s) AND facility_id IS NOT NULL
    GROUP BY run_id, facility_id HAVING count(DISTINCT system_name) > 1
) AS facilities GROUP BY run_id
UNION ALL
SELECT run_id, 'build.polarity_assumed', count(*)
FROM {metrics} WHERE run_id = ANY(%(runs)s) AND polarity_source = 'assumed' GROUP BY run_id
UNION ALL
SELECT run_id, 'build.reported_type_differs', count(*)
FROM {signals} WHERE run_id = ANY(%(runs)s) AND NOT classification_agrees GROUP BY run_id
""")


@dataclass(frozen=True, slots=True)
class Counted:
    """So many things in a run for which a finding stands."""

    run_id: uuid.UUID
    code: str
    count: int

    @property
    def message(self) -> str:
        """Return what the finding says."""
        return f"{MESSAGES[self.code]}: {self.count:,}."


def count_findings(run_ids: Sequence[uuid.UUID]) -> list[Counted]:
    """Return what the marts of the runs show; each code once a run, none where nothing is wrong."""
    with connection.cursor() as cursor:
        cursor.execute(_counts_sql(), {"runs": list(run_ids)})
        return [Counted(run_id, code, count) for run_id, code, count in cursor.fetchall()]


def _counts_sql() -> Composed:
    prefix = settings.SIGNALS_DBT_SCHEMA
    return COUNTS_SQL.format(
        shares=Identifier(f"{prefix}_intermediate", "int_contribution_shares"),
        entities=Identifier(f"{prefix}_intermediate", "int_entity_statistics"),
        metrics=Identifier(f"{prefix}_marts", "dim_metrics"),
        signals=Identifier(f"{prefix}_marts", "fct_signals"),
    )
