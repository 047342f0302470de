select
    run_id,
    file_id,
    line_no,
    node_id,
    metric_id,
    entity_hash,
    signal_key,
    signal_type,
    severity,
    suppressed,
    period_count,
    payload as reported
from {{ source('raw', 'raw_classifications') }}
