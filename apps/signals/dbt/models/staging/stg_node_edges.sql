-- An edge stands in the line of its parent and in that of its child: a row for each.
with said as (
    select
        nodes.run_id,
        nodes.node_id,
        'child' as direction,
        nodes.node_id as parent_node_id,
        edge ->> 'canonical_child_node_id' as child_node_id,
        edge ->> 'edge_type' as edge_type
    from {{ source('raw', 'raw_node_results') }} as nodes
    cross join lateral
        jsonb_array_elements({{ array_or_empty("nodes.payload -> 'canonical_child_node_ids'") }}) as edge
    union all
    select
        nodes.run_id,
        nodes.node_id,
        'parent',
        edge ->> 'canonical_parent_node_id',
        nodes.node_id,
        edge ->> 'edge_type'
    from {{ source('raw', 'raw_node_results') }} as nodes
    cross join lateral
        jsonb_array_elements({{ array_or_empty("nodes.payload -> 'canonical_parent_node_ids'") }}) as edge
)

select
    said.run_id,
    said.node_id,
    said.direction,
    case when types.is_reversed then said.child_node_id else said.parent_node_id end as source_node_id,
    case when types.is_reversed then said.parent_node_id else said.child_node_id end as target_node_id,
    said.edge_type,
    coalesce(types.category, 'other') as category
from said
left join {{ ref('edge_types') }} as types on types.edge_type = said.edge_type
where said.parent_node_id is not null and said.child_node_id is not null and said.edge_type is not null
