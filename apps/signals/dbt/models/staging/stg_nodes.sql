select
    run_id,
    file_id,
    line_no,
    node_id,
    metric_id,
    is_temporal,
    entity_results_count,
    payload -> 'summary' -> 'entity_scope' ->> 'display_name' as display_name,
    payload -> 'summary' -> 'entity_scope' ->> 'comparison_group' as comparison_group,
    payload -> 'summary' -> 'temporal_context' ->> 'time_grain' as time_grain,
    payload ->> 'dataset_path' as dataset_path
from {{ source('raw', 'raw_node_results') }}
