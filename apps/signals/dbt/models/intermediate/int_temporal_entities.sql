{{ config(indexes=[{'columns': ['run_id', 'aggregate_node_id', 'entity_hash'], 'unique': True}]) }}
-- The temporal row of an aggregate entity: that of the trends_to child with the same entity; of several children
-- the first by name.
with links as (
    select distinct run_id, source_node_id, target_node_id
    from {{ ref('stg_node_edges') }}
    where edge_type = 'trends_to' and {{ in_runs() }}
),

rows_of_links as (
    select distinct on (entities.run_id, links.source_node_id, entities.entity_hash)
        links.source_node_id as aggregate_node_id,
        entities.*
    from {{ ref('int_entity_statistics') }} as entities
    inner join links
        on links.run_id = entities.run_id and links.target_node_id = entities.node_id
    where entities.is_temporal and {{ in_runs('entities.run_id') }}
    order by entities.run_id, links.source_node_id, entities.entity_hash, entities.node_id
)

select
    found.run_id,
    found.aggregate_node_id,
    found.entity_hash,
    found.node_id as temporal_node_id,
    found.file_id,
    found.line_no,
    found.system_name,
    found.facility_name,
    found.mean_simple_z,
    found.latest_simple_z,
    found.mean_robust_z,
    found.latest_robust_z,
    found.observations,
    found.slope,
    found.slope_percentile,
    found.acceleration,
    found.end_start_delta,
    coalesce(found.observations, found.slope_period_count) as period_count,
    found.trend_direction,
    spread.monthly_z_scores,
    spread.zscore_std,
    spread.max_excursion,
    months.timeline,
    months.timeline_text,
    months.first_period,
    months.last_period
from rows_of_links as found
inner join {{ ref('stg_entity_results') }} as raw
    on raw.run_id = found.run_id and raw.file_id = found.file_id and raw.line_no = found.line_no
-- OFFSET 0: a month's figures are taken out of the JSON once, not again wherever they are named.
cross join lateral (
    select
        array_agg(z.value order by z.position) as monthly_z_scores,
        case when found.mean_simple_z is not null then stddev_pop(z.value) end as zscore_std,
        max(abs(z.value - found.mean_simple_z)) as max_excursion
    from (
        select position, {{ number('said') }} as value
        from jsonb_array_elements({{ array_or_empty('found.per_period_simple_z') }})
            with ordinality as each (said, position)
        offset 0
    ) as z
) as spread
cross join lateral (
    select
        jsonb_agg(
            jsonb_build_object('period', month.period, 'value', month.value, 'encounters', month.encounters)
            order by month.position
        ) as timeline,
        string_agg(
            concat_ws(' ', month.period, coalesce(round(month.value::numeric, 6)::text, '-'),
                coalesce(round(month.encounters::numeric, 6)::text, '-')),
            ',' order by month.position
        ) as timeline_text,
        min(month.period) as first_period,
        max(month.period) as last_period
    from (
        select
            point.position,
            point.period,
            {{ number("point.said -> 'value'") }} as value,
            {{ number('weights.by_period -> point.period::text') }} as encounters
        from (
            select position, said, {{ period_date("(said ->> 'period')") }} as period
            from jsonb_array_elements({{ array_or_empty('raw.timeline') }}) with ordinality as each (said, position)
            offset 0
        ) as point
        cross join (
            select coalesce(jsonb_object_agg(period::text, value) filter (where period is not null), '{}') as by_period
            from (
                select {{ period_date("(said ->> 'period')") }} as period, said -> 'value' as value
                from jsonb_array_elements({{ array_or_empty('raw.encounters_per_period') }}) as said
                offset 0
            ) as weighed
        ) as weights
        offset 0
    ) as month
) as months
where {{ in_runs('raw.run_id') }}
