"""A hundred thousand signals of one organization, as hydration leaves them, made by one statement a table.

1,667 facilities in 40 systems; each has four metrics, and of each one figure for itself, eight service lines
and six discharge statuses. Types, severities and figures hang together as in runs: severity follows type, the
spread of a metric follows its kind.
"""

import uuid
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from apps.accounts.models import Organization
from apps.common.db import JobStatus
from apps.signals.models import Graph, Hydration, Run
from apps.signals.states import RunStatus

FACILITIES, SYSTEMS, PER_FACILITY = 1_667, 40, 60
COUNT: Final = FACILITIES * PER_FACILITY

_SIGNALS: Final = """
INSERT INTO signals_signal (
    id, created_at, updated_at, organization_id, signal_key, graph_id, first_run_id, content_run_id,
    content_hash, first_detected_at, last_changed_at, absent_since_run_id, absent_runs, child_count,
    node_id, temporal_node_id, metric_id, domain, facility_id, facility_name, system_name, service_line,
    sub_service_line, dimensions, groupby_label, group_value, metric_value, benchmark_value,
    variance_percent, peer_mean, peer_std, peer_count, percentile_rank, encounters, simple_z, robust_z,
    latest_simple_z, latest_robust_z, aggregate_zscore, mean_robust_z, zscore_std, max_excursion, slope,
    slope_percentile, acceleration, end_start_delta, trend_direction, period_count, data_period,
    monthly_z_scores, timeline, anomaly_labels, position, trend, momentum, consistency, has_spike,
    signal_type, severity, severity_calculation, reported_type, reported_severity, classification_agrees,
    magnitude_tier, trajectory_tier, consistency_tier, polarity, quality_flags, rules_version, description)
SELECT gen_random_uuid(), now(), now(), %(organization)s, gen_random_uuid(), %(graph)s, %(run)s, %(run)s,
    sha256(n::text::bytea), now() - (n %% 700) * interval '1 hour', now() - (n %% 90) * interval '1 day',
    CASE WHEN n %% 50 = 0 THEN %(run)s::uuid END, CASE WHEN n %% 50 = 0 THEN 1 ELSE 0 END, 0,
    metric || '__' || grouping || '__aggregate_time_period', metric || '__' || grouping || '__dischargeMonth',
    metric, domain, 'FAC' || lpad(facility::text, 5, '0'), 'Hospital No. ' || facility || ' of Saint-Étienne',
    'System ' || facility %% %(systems)s, line, CASE WHEN line IS NOT NULL THEN line || ' ' || n %% 3 END,
    CASE WHEN value IS NULL THEN '[]'::jsonb ELSE jsonb_build_array(jsonb_build_array(grouping, value)) END,
    coalesce(label, 'Facility-wide'), coalesce(value, 'Facility-wide'), z, 0.0, z * scale, 0.0, 1.0, 30,
    CASE WHEN n %% 41 > 0 THEN (z + 4) * 12.5 END, (n * 7919) %% 15000, z, z, z, z, z, z, abs(z) / 2,
    abs(z), 0.01, abs(z) * 25, 0.1, 0.1, 'increasing', 12, date '2026-03-01',
    ARRAY[z, z, z, z, z, z, z, z, z, z, z, z],
    (SELECT jsonb_agg(jsonb_build_object('period', '2026-01-01', 'value', z + m, 'encounters', 100 * m))
        FROM generate_series(1, 12) AS m),
    '{"simple_zscore": "slightly_low", "robust_zscore": "slightly_low", "slope_percentile": "normal"}',
    'normal', 'stable', 'neutral', 'consistent', false, type, low + n %% (high - low + 1),
    jsonb_build_object('base', low, 'final', low, 'refinements', jsonb_build_array(
        jsonb_build_object('factor', 'position', 'adjustment', 1, 'reason', 'normal'),
        jsonb_build_object('factor', 'trend', 'adjustment', 1, 'reason', 'stable'),
        jsonb_build_object('factor', 'momentum', 'adjustment', 0, 'reason', 'neutral'),
        jsonb_build_object('factor', 'consistency', 'adjustment', 0, 'reason', 'consistent'),
        jsonb_build_object('factor', 'volume', 'adjustment', 0, 'reason', 'usual_volume'))),
    type, low, n %% 9 > 0, 'expected', 'stable', 'persistent', 'lower_is_better',
    CASE WHEN n %% 9 = 0 THEN ARRAY['reported_type_differs'] ELSE ARRAY[]::text[] END, 1,
    metric || ' of ' || coalesce(value, 'the facility') || ' at Hospital No. ' || facility
        || ' lies above its peers by ' || round(z::numeric, 2)
FROM (
    SELECT n, facility, metric, domain, scale, value, label,
        CASE WHEN label = 'Service Line' THEN value END AS line,
        CASE label WHEN 'Service Line' THEN 'vizientServiceLine' WHEN 'Discharge Status'
            THEN 'dischargeStatus' ELSE 'medicareId' END AS grouping,
        (hashint4(n) %% 4000) / 1000.0 AS z,
        (hashint4(n + 1) & 65535) / 655.36 AS dice
    FROM (
        SELECT n, n / 60 AS facility,
            (ARRAY['losIndex', 'returnsToIcuPct', 'dischargedHomePct', 'icuCases'])[n / 15 %% 4 + 1]
                AS metric,
            (ARRAY['Efficiency', 'Safety', 'Effectiveness', 'Utilization'])[n / 15 %% 4 + 1] AS domain,
            (ARRAY[10.0, 1.0, 5.0, 100.0])[n / 15 %% 4 + 1] AS scale,
            (ARRAY[NULL, 'Cardiology', 'Orthopedics', 'Neurology', 'General Medicine', 'Oncology',
                'Ear, Nose/Throat: A|B', 'Pédiatrie', 'Surgery', 'Home', 'Hospice', 'Rehab', 'Expired',
                'Transfer', 'Other'])[n %% 15 + 1] AS value,
            CASE WHEN n %% 15 = 0 THEN NULL WHEN n %% 15 < 9 THEN 'Service Line'
                ELSE 'Discharge Status' END AS label
        FROM generate_series(0, %(count)s - 1) AS n
    ) AS entity
) AS measured
JOIN (VALUES
    ('suspect_data', 50, 50, 0, 2), ('baseline', 26, 45, 2, 50), ('volatility_alert', 71, 80, 50, 54),
    ('critical_trajectory', 91, 100, 54, 55), ('chronic_underperformer', 81, 90, 55, 61),
    ('recovering', 46, 59, 61, 68), ('emerging_risk', 60, 70, 68, 80),
    ('sustained_excellence', 0, 12, 80, 86), ('improving_leader', 13, 25, 86, 101)
) AS class (type, low, high, above, below) ON dice >= above AND dice < below
ORDER BY hashint4(n + 2)
"""
# A fifth of what needs attention is being worked on, and some of it is done.
_WORKFLOWS: Final = """
INSERT INTO signals_workflow (
    id, created_at, updated_at, organization_id, signal_id, status, assignee_id, role_type, resolution_code,
    resolution_notes, reopen_count, snooze_next_run, due_kind, version)
SELECT gen_random_uuid(), now(), now(), organization_id, id, status,
    CASE WHEN status <> 'new' THEN %(assignee)s::uuid END,
    CASE WHEN status <> 'new' THEN 'nursing_leadership' END,
    CASE WHEN status IN ('resolved', 'closed') THEN 'fixed' ELSE '' END, '', 0, false, '', 1
FROM (
    SELECT organization_id, id, CASE WHEN severity < 60 OR dice > 4 THEN 'new'
        ELSE (ARRAY['assigned', 'in_progress', 'resolved', 'closed'])[dice] END AS status
    FROM (SELECT *, (hashtext(id::text) & 1023) %% 20 + 1 AS dice FROM signals_signal
        WHERE organization_id = %(organization)s) AS signal
) AS worked
"""
_FILES: Final = """
INSERT INTO signals_run_file (
    id, created_at, updated_at, organization_id, run_id, path, role, bytes, sha256, lines)
VALUES (gen_random_uuid(), now(), now(), %(organization)s, %(run)s, 'results/nodes/a.jsonl', 'node', 1, '', 1)
"""
_OBSERVATIONS: Final = """
INSERT INTO signals_observation (
    id, created_at, updated_at, organization_id, signal_id, run_id, metric_value, signal_type, severity,
    data_period, content_hash, aggregate_file_id, aggregate_line)
SELECT gen_random_uuid(), now(), now(), signal.organization_id, signal.id, file.run_id, metric_value,
    signal_type, severity, data_period, content_hash, file.id, 1
FROM signals_signal AS signal JOIN signals_run_file AS file ON file.run_id = signal.content_run_id
WHERE signal.organization_id = %(organization)s
"""


def fill(organization: Organization, *, assignee: uuid.UUID, count: int = COUNT) -> Graph:
    """Make the signals of an organization, and let the database look at them once."""
    graph = Graph.objects.create(organization=organization, name="bench", root=f"bench-{organization.pk}")
    run = Run.objects.create(
        organization=organization,
        graph=graph,
        run_id="20260415120000",
        status=RunStatus.HYDRATED,
        started_at="2026-04-15T12:00:00Z",
    )
    Graph.objects.filter(pk=graph.pk).update(current_run=run)
    # Without one that has ended no counts would be kept.
    Hydration.objects.create(
        organization=organization,
        graph=graph,
        run=run,
        status=JobStatus.SUCCEEDED,
        finished_at=timezone.now(),
    )
    named: dict[str, Any] = {
        "organization": organization.pk,
        "graph": graph.pk,
        "run": run.pk,
        "assignee": assignee,
        "systems": SYSTEMS,
        "count": count,
    }
    with connection.cursor() as cursor:
        for statement in (_SIGNALS, _WORKFLOWS, _FILES, _OBSERVATIONS):
            cursor.execute(statement, named)
        for table in ("signals_signal", "signals_workflow", "signals_observation"):
            cursor.execute(f"VACUUM (ANALYZE) {table}")
    return graph
