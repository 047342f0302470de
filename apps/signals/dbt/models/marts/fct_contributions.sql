select
    contributions.run_id,
    contributions.file_id,
    contributions.line_no,
    contributions.parent_node_id,
    contributions.child_node_id,
    contributions.metric_id,
    contributions.parent_signal_key,
    contributions.child_signal_key,
    contributions.method,
    contributions.weight_field,
    contributions.parent_value,
    contributions.child_value,
    contributions.weight_value,
    contributions.weight_share,
    contributions.weighted_child_value,
    contributions.raw_component,
    contributions.contribution_value,
    contributions.excess_over_parent,
    contributions.parent_entity,
    contributions.child_entity,
    row_number() over (
        partition by
            contributions.run_id, contributions.parent_signal_key, contributions.child_node_id, contributions.metric_id
        order by
            abs(contributions.excess_over_parent) desc nulls last, contributions.file_id, contributions.line_no
    )::integer as rank,
    contributions.excess_over_parent / nullif(abs(contributions.parent_value), 0) * 100 as excess_percent,
    shares.share_sum,
    coalesce(shares.share_valid, false) as share_valid
from {{ ref('stg_contributions') }} as contributions
left join {{ ref('int_contribution_shares') }} as shares
    on shares.run_id = contributions.run_id
    and shares.parent_signal_key = contributions.parent_signal_key
    and shares.child_node_id = contributions.child_node_id
    and shares.metric_id is not distinct from contributions.metric_id
where {{ in_runs('contributions.run_id') }}
