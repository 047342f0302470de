{# SHA-256 over the content columns in their order: doubles at 6 decimals, null as JSON's null. #}
{% macro content_hash() -%}
    {%- set texts = [
        'node_id', 'temporal_node_id', 'metric_id', 'domain', 'facility_id', 'facility_name', 'system_name',
        'service_line', 'sub_service_line', 'dimensions', 'groupby_label', 'group_value'] -%}
    {%- set doubles = ['metric_value', 'benchmark_value', 'variance_percent', 'peer_mean', 'peer_std'] -%}
    {%- set more_doubles = [
        'percentile_rank', 'encounters', 'simple_z', 'robust_z', 'latest_simple_z', 'latest_robust_z',
        'aggregate_zscore', 'mean_robust_z', 'zscore_std', 'max_excursion', 'slope', 'slope_percentile',
        'acceleration', 'end_start_delta'] -%}
    {%- set more_texts = [
        'anomaly_labels', 'position', 'trend', 'momentum', 'consistency', 'has_spike', 'signal_type', 'severity',
        'severity_calculation', 'reported_type'] -%}
    {%- set last_texts = [
        'classification_agrees', 'magnitude_tier', 'trajectory_tier', 'consistency_tier', 'polarity',
        'quality_flags', 'rules_version', 'description'] -%}
    sha256(convert_to(jsonb_build_array(
        {{ texts | join(', ') }},
        {% for name in doubles %}round({{ name }}::numeric, 6)::text, {% endfor %}
        peer_count,
        {% for name in more_doubles %}round({{ name }}::numeric, 6)::text, {% endfor %}
        trend_direction, period_count, data_period,
        (select string_agg(coalesce(round(z::numeric, 6)::text, '-'), ',' order by position)
         from unnest(monthly_z_scores) with ordinality as each (z, position)),
        timeline_text,
        {{ more_texts | join(', ') }},
        round(reported_severity::numeric, 6)::text,
        {{ last_texts | join(', ') }}
    )::text, 'UTF8'))
{%- endmacro %}
