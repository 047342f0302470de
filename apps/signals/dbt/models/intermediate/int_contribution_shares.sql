{{ config(indexes=[{'columns': ['run_id', 'parent_signal_key', 'child_node_id', 'metric_id']}]) }}
-- What the children of one parent entity sum to, in one child node and metric.
with sums as (
    select
        run_id,
        parent_signal_key,
        parent_node_id,
        child_node_id,
        metric_id,
        count(*)::integer as child_count,
        sum(weight_share) as share_sum,
        sum(contribution_value) as contribution_sum,
        min(parent_value) as parent_value
    from {{ ref('stg_contributions') }}
    where {{ in_runs() }}
    group by run_id, parent_signal_key, parent_node_id, child_node_id, metric_id
)

select
    sums.*,
    coalesce(abs(sums.share_sum - 1) <= 0.01, false) as share_valid,
    entities.metric_value as aggregate_value,
    -- Only the node's own metric can be compared: other rows are of its scores.
    coalesce(
        abs(sums.parent_value - entities.metric_value) > 0.01 * greatest(1, abs(entities.metric_value)), false
    ) as is_off_parent
from sums
left join {{ ref('int_entity_statistics') }} as entities
    on entities.run_id = sums.run_id
    and entities.signal_key = sums.parent_signal_key
    and entities.metric_id = sums.metric_id
    and not entities.is_temporal
