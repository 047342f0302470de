select
    nodes.run_id,
    nodes.node_id,
    split_part(method ->> 'statistical_method', '__', 2) as method,
    trends -> 'periods' as periods,
    trends -> 'p10' as p10,
    trends -> 'p25' as p25,
    trends -> 'p50' as p50,
    trends -> 'p75' as p75,
    trends -> 'p90' as p90,
    trends -> 'sample_sizes' as sample_sizes,
    trends -> 'suppression_applied' as suppression_applied
from {{ source('raw', 'raw_node_results') }} as nodes
cross join lateral jsonb_array_elements({{ array_or_empty("nodes.payload -> 'statistical_methods'") }}) as method
cross join lateral (select method -> 'summary' -> 'global_statistics' -> 'percentile_trends' as trends) as said
where jsonb_typeof(trends) = 'object'
