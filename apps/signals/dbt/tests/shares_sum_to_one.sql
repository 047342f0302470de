{{ config(severity='warn', tags=['counted']) }}
select run_id, parent_signal_key, child_node_id, metric_id, share_sum
from {{ ref('int_contribution_shares') }}
where {{ in_runs() }} and not share_valid
