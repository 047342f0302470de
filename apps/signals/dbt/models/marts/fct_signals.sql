{{ config(indexes=[{'columns': ['run_id', 'node_id']}]) }}
-- One row for each aggregate entity that is not suppressed, whatever its type.
with facets as (
    select distinct on (run_id, node_id, facet_key)
        run_id, node_id, facet_key, global_metric_mean, coalesce(entity_with_statistics_count, entity_count) as peer_count
    from {{ ref('stg_global_statistics') }}
    where method = 'simple_zscore' and {{ in_runs() }}
    order by run_id, node_id, facet_key, facet_no
),

-- Entities have few different dimensions: their labels are made once for each.
distinct_dimensions as (
    select distinct run_id, dimensions
    from {{ ref('int_entity_statistics') }}
    where not is_temporal and {{ in_runs() }}
),

bundled_dimensions as (
    select distinct on (documents.run_id, said ->> 'id')
        documents.run_id, said ->> 'id' as name, nullif(said ->> 'display_name', said ->> 'id') as label
    from {{ source('raw', 'raw_documents') }} as documents
    cross join lateral jsonb_array_elements({{ array_or_empty("documents.payload -> 'group_by_types'") }})
        with ordinality as listed (said, position)
    where documents.kind = 'metadata_bundle' and {{ in_runs('documents.run_id') }}
    order by documents.run_id, said ->> 'id', documents.file_id, position
),

dimension_labels as (
    select
        each.run_id,
        each.dimensions,
        {{ dimensions_object('each.dimensions') }} as facet_key,
        coalesce(labels.groupby_label, 'Facility-wide') as groupby_label,
        coalesce(labels.group_value, 'Facility-wide') as group_value,
        labels.service_line,
        labels.sub_service_line
    from distinct_dimensions as each
    cross join lateral (
        select
            string_agg(
                coalesce(kinds.label, bundled.label, initcap(trim({{ words('pair.said ->> 0') }}))), ' / '
                order by pair.position
            ) as groupby_label,
            string_agg(coalesce(pair.said ->> 1, '(none)'), ' / ' order by pair.position) as group_value,
            max(pair.said ->> 1) filter (where kinds.role = 'service_line') as service_line,
            max(pair.said ->> 1) filter (where kinds.role = 'sub_service_line') as sub_service_line
        from jsonb_array_elements(each.dimensions) with ordinality as pair (said, position)
        left join {{ ref('dimensions') }} as kinds on kinds.name = pair.said ->> 0
        left join bundled_dimensions as bundled
            on bundled.run_id = each.run_id and bundled.name = pair.said ->> 0
    ) as labels
),

first_classifications as (
    select distinct on (run_id, signal_key) run_id, signal_key, file_id, line_no, signal_type, severity
    from {{ ref('stg_classifications') }}
    where {{ in_runs() }}
    order by run_id, signal_key, file_id, line_no
),

figures as (
    select
        entities.run_id,
        entities.signal_key,
        entities.node_id,
        temporal.temporal_node_id,
        entities.metric_id,
        coalesce(metrics.domain, 'Other') as domain,
        metrics.display_name as metric_name,
        entities.facility_id,
        coalesce(entities.facility_name, temporal.facility_name) as facility_name,
        coalesce(entities.system_name, temporal.system_name) as system_name,
        labels.service_line,
        labels.sub_service_line,
        entities.dimensions,
        labels.groupby_label,
        labels.group_value,
        entities.metric_value,
        coalesce(facets.global_metric_mean, entities.peer_mean) as benchmark_value,
        entities.peer_mean,
        entities.peer_std,
        coalesce(entities.peer_count, facets.peer_count) as peer_count,
        entities.percentile_rank,
        entities.encounters,
        entities.simple_z,
        entities.robust_z,
        temporal.latest_simple_z,
        temporal.latest_robust_z,
        case when temporal.temporal_node_id is null then entities.simple_z else temporal.mean_simple_z end
            as aggregate_zscore,
        temporal.mean_robust_z,
        temporal.zscore_std,
        temporal.max_excursion,
        temporal.slope,
        temporal.slope_percentile,
        temporal.acceleration,
        temporal.end_start_delta,
        temporal.trend_direction,
        temporal.period_count,
        temporal.observations,
        temporal.last_period as data_period,
        temporal.monthly_z_scores,
        temporal.timeline,
        temporal.timeline_text,
        classes.position,
        classes.trend,
        classes.momentum,
        classes.consistency,
        classes.has_spike,
        classes.signal_type,
        classes.severity,
        classes.severity_calculation,
        reported.signal_type as reported_type,
        reported.severity as reported_severity,
        reported.signal_type = classes.signal_type as classification_agrees,
        classes.magnitude_tier,
        classes.trajectory_tier,
        classes.consistency_tier,
        coalesce(metrics.polarity, 'lower_is_better') as polarity,
        coalesce(metrics.polarity_source, 'assumed') as polarity_source,
        classes.rules_version,
        entities.file_id as aggregate_file_id,
        entities.line_no as aggregate_line,
        temporal.file_id as temporal_file_id,
        temporal.line_no as temporal_line,
        reported.file_id as classification_file_id,
        reported.line_no as classification_line
    from {{ ref('int_signal_classes') }} as classes
    inner join {{ ref('int_entity_statistics') }} as entities
        on entities.run_id = classes.run_id and entities.signal_key = classes.signal_key and not entities.is_temporal
    inner join dimension_labels as labels
        on labels.run_id = entities.run_id and labels.dimensions = entities.dimensions
    left join {{ ref('int_temporal_entities') }} as temporal
        on temporal.run_id = entities.run_id
        and temporal.aggregate_node_id = entities.node_id
        and temporal.entity_hash = entities.entity_hash
    left join {{ ref('dim_metrics') }} as metrics
        on metrics.run_id = entities.run_id and metrics.metric_id = entities.metric_id
    left join facets
        on facets.run_id = entities.run_id
        and facets.node_id = entities.node_id
        and facets.facet_key = labels.facet_key
    left join first_classifications as reported
        on reported.run_id = entities.run_id and reported.signal_key = entities.signal_key
    where {{ in_runs('classes.run_id') }} and {{ in_runs('entities.run_id') }}
),

compared as (
    select
        *,
        (metric_value - benchmark_value) / nullif(abs(benchmark_value), 0) * 100 as variance_percent,
        array_remove(array[
            case when polarity_source = 'assumed' then 'polarity_assumed' end,
            case when not classification_agrees then 'reported_type_differs' end,
            case when observations < 6 then 'few_periods' end,
            case when slope_percentile is null then 'no_trend' end
        ], null) as quality_flags
    from figures
),

labelled as (
    select
        compared.*,
        coalesce(of_aggregate.labels, '{}') || coalesce(of_temporal.labels, '{}') as anomaly_labels,
        {{ description() }} as description
    from compared
    left join {{ ref('int_anomaly_labels') }} as of_aggregate
        on of_aggregate.run_id = compared.run_id
        and of_aggregate.file_id = compared.aggregate_file_id
        and of_aggregate.line_no = compared.aggregate_line
    left join {{ ref('int_anomaly_labels') }} as of_temporal
        on of_temporal.run_id = compared.run_id
        and of_temporal.file_id = compared.temporal_file_id
        and of_temporal.line_no = compared.temporal_line
),

hashed as (
    select *, {{ content_hash() }} as content_hash
    from labelled
)

select
    hashed.run_id,
    hashed.signal_key,
    hashed.node_id,
    hashed.temporal_node_id,
    hashed.metric_id,
    hashed.domain,
    hashed.facility_id,
    hashed.facility_name,
    hashed.system_name,
    hashed.service_line,
    hashed.sub_service_line,
    hashed.dimensions,
    hashed.groupby_label,
    hashed.group_value,
    hashed.metric_value,
    hashed.benchmark_value,
    hashed.variance_percent,
    hashed.peer_mean,
    hashed.peer_std,
    hashed.peer_count,
    hashed.percentile_rank,
    hashed.encounters,
    hashed.simple_z,
    hashed.robust_z,
    hashed.latest_simple_z,
    hashed.latest_robust_z,
    hashed.aggregate_zscore,
    hashed.mean_robust_z,
    hashed.zscore_std,
    hashed.max_excursion,
    hashed.slope,
    hashed.slope_percentile,
    hashed.acceleration,
    hashed.end_start_delta,
    hashed.trend_direction,
    hashed.period_count,
    hashed.data_period,
    hashed.monthly_z_scores,
    hashed.timeline,
    hashed.anomaly_labels,
    hashed.position,
    hashed.trend,
    hashed.momentum,
    hashed.consistency,
    hashed.has_spike,
    hashed.signal_type,
    hashed.severity,
    hashed.severity_calculation,
    hashed.reported_type,
    hashed.reported_severity,
    hashed.classification_agrees,
    hashed.magnitude_tier,
    hashed.trajectory_tier,
    hashed.consistency_tier,
    hashed.polarity,
    hashed.quality_flags,
    hashed.rules_version,
    hashed.description,
    hashed.content_hash,
    hashed.aggregate_file_id,
    hashed.aggregate_line,
    hashed.temporal_file_id,
    hashed.temporal_line,
    hashed.classification_file_id,
    hashed.classification_line,
    reported.reported,
    coalesce(aggregate.statistical_methods, '[]') || coalesce(temporal.statistical_methods, '[]')
        as statistical_methods,
    now() as built_at
from hashed
inner join {{ ref('stg_entity_results') }} as aggregate
    on aggregate.run_id = hashed.run_id
    and aggregate.file_id = hashed.aggregate_file_id
    and aggregate.line_no = hashed.aggregate_line
left join {{ ref('stg_entity_results') }} as temporal
    on temporal.run_id = hashed.run_id
    and temporal.file_id = hashed.temporal_file_id
    and temporal.line_no = hashed.temporal_line
left join {{ ref('stg_classifications') }} as reported
    on reported.run_id = hashed.run_id
    and reported.file_id = hashed.classification_file_id
    and reported.line_no = hashed.classification_line
