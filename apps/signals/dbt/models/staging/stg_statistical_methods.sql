select
    entities.run_id,
    entities.file_id,
    entities.line_no,
    method.position::integer as method_no,
    entities.node_id,
    entities.entity_hash,
    entities.signal_key,
    method.said ->> 'statistical_method' as statistical_method,
    split_part(method.said ->> 'statistical_method', '__', 2) as method,
    method.said -> 'statistics' as statistics,
    method.said -> 'anomalies' as anomalies,
    method.said -> 'runtime' as runtime
from {{ source('raw', 'raw_entity_results') }} as entities
cross join lateral
    jsonb_array_elements({{ array_or_empty("entities.payload -> 'statistical_methods'") }})
    with ordinality as method (said, position)
