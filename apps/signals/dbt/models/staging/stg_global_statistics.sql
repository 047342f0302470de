-- A row for each facet of each method that has a summary.
select
    nodes.run_id,
    nodes.node_id,
    split_part(method ->> 'statistical_method', '__', 2) as method,
    facet.position::integer as facet_no,
    facet.said -> 'facet_values' as facet_values,
    {{ canonical_object("facet.said -> 'facet_values'") }} as facet_key,
    {{ whole("facet.said -> 'facet_counts' -> 'record_count'") }} as record_count,
    {{ whole("facet.said -> 'facet_counts' -> 'entity_count'") }} as entity_count,
    {{ whole("facet.said -> 'facet_counts' -> 'entity_with_statistics_count'") }} as entity_with_statistics_count,
    {{ number("facet.said -> 'method_statistics' -> 'global_metric_mean'") }} as global_metric_mean,
    {{ number("facet.said -> 'method_statistics' -> 'global_metric_std'") }} as global_metric_std,
    {{ number("facet.said -> 'method_statistics' -> 'global_metric_median'") }} as global_metric_median,
    {{ number("facet.said -> 'method_statistics' -> 'global_mad'") }} as global_mad,
    {{ whole("facet.said -> 'method_statistics' -> 'min_peer_count'") }} as min_peer_count,
    facet.said -> 'warnings' as warnings
from {{ source('raw', 'raw_node_results') }} as nodes
cross join lateral jsonb_array_elements({{ array_or_empty("nodes.payload -> 'statistical_methods'") }}) as method
cross join lateral
    jsonb_array_elements({{ array_or_empty("method -> 'summary' -> 'global_statistics' -> 'facets'") }})
    with ordinality as facet (said, position)
