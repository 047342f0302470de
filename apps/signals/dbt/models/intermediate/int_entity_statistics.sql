{{ config(indexes=[{'columns': ['run_id', 'node_id', 'entity_hash'], 'unique': True}, {'columns': ['run_id', 'file_id', 'line_no']}]) }}
-- Of an entity that stands twice in a node the first line counts.
with repeated as (
    select run_id, file_id, line_no
    from (
        select
            run_id,
            file_id,
            line_no,
            row_number() over (partition by run_id, node_id, entity_hash order by file_id, line_no) as occurrence
        from {{ ref('stg_entity_results') }}
        where {{ in_runs() }}
    ) as numbered
    where occurrence > 1
)

select
    entities.run_id,
    entities.file_id,
    entities.line_no,
    entities.node_id,
    entities.metric_id,
    entities.is_temporal,
    entities.facility_id,
    entities.facility_name,
    entities.system_name,
    entities.dimensions,
    entities.entity_hash,
    entities.signal_key,
    entities.encounters,
    entities.metric_value,
    coalesce(found.methods -> 'simple_zscore' -> 'statistics' -> 'suppressed' = 'true', false) as suppressed,
    {{ number("found.methods -> 'simple_zscore' -> 'statistics' -> 'simple_zscore'") }} as simple_z,
    {{ number("found.methods -> 'simple_zscore' -> 'statistics' -> 'peer_mean'") }} as peer_mean,
    {{ number("found.methods -> 'simple_zscore' -> 'statistics' -> 'peer_std'") }} as peer_std,
    {{ number("found.methods -> 'simple_zscore' -> 'statistics' -> 'percentile_rank'") }} as percentile_rank,
    {{ whole("found.methods -> 'simple_zscore' -> 'runtime' -> 'anomaly_statistics' -> 'peer_count'") }} as peer_count,
    {{ number("found.methods -> 'robust_zscore' -> 'statistics' -> 'robust_zscore'") }} as robust_z,
    {{ number("found.methods -> 'trending_simple_zscore' -> 'statistics' -> 'mean_simple_zscore'") }} as mean_simple_z,
    {{ number("found.methods -> 'trending_simple_zscore' -> 'statistics' -> 'latest_simple_zscore'") }} as latest_simple_z,
    {{ whole("found.methods -> 'trending_simple_zscore' -> 'statistics' -> 'observations'") }} as observations,
    found.methods -> 'trending_simple_zscore' -> 'statistics' -> 'per_period_simple_zscores' as per_period_simple_z,
    {{ number("found.methods -> 'trending_robust_zscore' -> 'statistics' -> 'mean_robust_zscore'") }} as mean_robust_z,
    {{ number("found.methods -> 'trending_robust_zscore' -> 'statistics' -> 'latest_robust_zscore'") }} as latest_robust_z,
    {{ number("found.methods -> 'slope_percentile' -> 'statistics' -> 'slope'") }} as slope,
    {{ number("found.methods -> 'slope_percentile' -> 'statistics' -> 'slope_percentile'") }} as slope_percentile,
    {{ number("found.methods -> 'slope_percentile' -> 'statistics' -> 'acceleration'") }} as acceleration,
    {{ number("found.methods -> 'slope_percentile' -> 'statistics' -> 'end_start_delta'") }} as end_start_delta,
    {{ whole("found.methods -> 'slope_percentile' -> 'statistics' -> 'period_count'") }} as slope_period_count,
    found.methods -> 'slope_percentile' -> 'statistics' ->> 'trend_direction' as trend_direction
from {{ ref('stg_entity_results') }} as entities
-- OFFSET 0: unpacked once, not again for every column.
cross join lateral (
    select coalesce(jsonb_object_agg(split_part(method ->> 'statistical_method', '__', 2), method)
            filter (where split_part(method ->> 'statistical_method', '__', 2) is not null), '{}') as methods
    from jsonb_array_elements({{ array_or_empty('entities.statistical_methods') }}) as method
    offset 0
) as found
where {{ in_runs('entities.run_id') }}
    and not exists (
        select from repeated
        where repeated.run_id = entities.run_id
            and repeated.file_id = entities.file_id
            and repeated.line_no = entities.line_no
    )
