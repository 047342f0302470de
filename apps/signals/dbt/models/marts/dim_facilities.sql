with rows_of_facilities as (
    select entities.*, jsonb_array_length(entities.dimensions) as dimension_count
    from {{ ref('int_entity_statistics') }} as entities
    where entities.facility_id is not null and {{ in_runs('entities.run_id') }}
),

names as (
    select distinct on (run_id, facility_id) run_id, facility_id, facility_name
    from rows_of_facilities
    order by run_id, facility_id, facility_name is null, is_temporal, dimension_count, node_id, line_no
),

-- Of a facility with two systems that of the aggregate node counts.
systems as (
    select distinct on (run_id, facility_id) run_id, facility_id, system_name
    from rows_of_facilities
    order by run_id, facility_id, system_name is null, is_temporal, dimension_count, node_id, line_no
),

encounters as (
    select run_id, facility_id, max(encounters) as total_encounters
    from (
        select run_id, facility_id, node_id, dimension_count, sum(encounters) as encounters
        from rows_of_facilities
        where not is_temporal
        group by run_id, facility_id, node_id, dimension_count
    ) as by_node
    group by run_id, facility_id, dimension_count
    having dimension_count = 0 or not exists (
        select from rows_of_facilities as whole
        where whole.run_id = by_node.run_id
            and whole.facility_id = by_node.facility_id
            and whole.dimension_count = 0
            and not whole.is_temporal
            and whole.encounters is not null
    )
),

service_lines as (
    select distinct on (run_id, facility_id) run_id, facility_id, service_line
    from (
        select
            entities.run_id,
            entities.facility_id,
            entities.dimensions -> 0 ->> 1 as service_line,
            max(entities.encounters) as encounters
        from rows_of_facilities as entities
        inner join {{ ref('dimensions') }} as kinds
            on kinds.name = entities.dimensions -> 0 ->> 0 and kinds.role = 'service_line'
        where not entities.is_temporal and entities.dimension_count = 1
        group by entities.run_id, entities.facility_id, entities.dimensions -> 0 ->> 1
    ) as lines
    where service_line is not null and encounters is not null
    order by run_id, facility_id, encounters desc, service_line
),

periods as (
    select entities.run_id, entities.facility_id, min(months.first_period) as first_period, max(months.last_period) as last_period
    from rows_of_facilities as entities
    inner join {{ ref('int_temporal_entities') }} as months
        on months.run_id = entities.run_id and months.file_id = entities.file_id and months.line_no = entities.line_no
    group by entities.run_id, entities.facility_id
)

select
    names.run_id,
    names.facility_id,
    names.facility_name as name,
    systems.system_name,
    service_lines.service_line as primary_service_line,
    encounters.total_encounters,
    periods.first_period,
    periods.last_period
from names
inner join systems using (run_id, facility_id)
left join service_lines using (run_id, facility_id)
left join (
    select run_id, facility_id, max(total_encounters) as total_encounters from encounters group by run_id, facility_id
) as encounters using (run_id, facility_id)
left join periods using (run_id, facility_id)
