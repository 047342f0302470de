{{ config(indexes=[{'columns': ['run_id', 'signal_key'], 'unique': True}]) }}
-- What the rules read of an aggregate entity, turned so that higher is worse. Suppressed entities are no signals.
with aggregates as (
    select
        entities.*,
        case when entities.encounters is not null then
            (rank() over by_encounters - 1 + 0.5 * count(*) over equals)
            * 100.0 / nullif(count(entities.encounters) over nodes, 0)
        end as encounters_rank
    from {{ ref('int_entity_statistics') }} as entities
    where not entities.is_temporal and {{ in_runs('entities.run_id') }}
    window
        nodes as (partition by entities.run_id, entities.node_id),
        by_encounters as (partition by entities.run_id, entities.node_id order by entities.encounters),
        equals as (partition by entities.run_id, entities.node_id, entities.encounters)
),

figures as (
    select
        entities.run_id,
        entities.signal_key,
        entities.entity_hash,
        entities.node_id,
        entities.file_id,
        entities.line_no,
        entities.suppressed,
        entities.percentile_rank,
        entities.encounters_rank,
        coalesce(metrics.polarity, 'lower_is_better') as polarity,
        temporal.aggregate_node_id is not null as has_temporal,
        case when temporal.aggregate_node_id is null then entities.simple_z else temporal.mean_simple_z end as z,
        temporal.slope_percentile as p,
        -- GREATEST would pass over a null.
        case when entities.peer_std is not null then temporal.acceleration / greatest(entities.peer_std, 0.01) end as a,
        temporal.zscore_std as s,
        temporal.max_excursion as x,
        temporal.observations as n
    from aggregates as entities
    left join {{ ref('dim_metrics') }} as metrics
        on metrics.run_id = entities.run_id and metrics.metric_id = entities.metric_id
    left join {{ ref('int_temporal_entities') }} as temporal
        on temporal.run_id = entities.run_id
        and temporal.aggregate_node_id = entities.node_id
        and temporal.entity_hash = entities.entity_hash
    where not entities.suppressed
)

select
    run_id,
    signal_key,
    entity_hash,
    node_id,
    file_id,
    line_no,
    suppressed,
    polarity,
    has_temporal,
    case when polarity = 'higher_is_better' then - z else z end as z,
    case when polarity = 'higher_is_better' then 100 - p else p end as p,
    case when polarity = 'higher_is_better' then - a else a end as a,
    s,
    x,
    n,
    case when polarity = 'higher_is_better' then 100 - percentile_rank else percentile_rank end as percentile_rank,
    encounters_rank::double precision as encounters_rank
from figures
