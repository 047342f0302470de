{{ config(indexes=[{'columns': ['run_id', 'file_id', 'line_no'], 'unique': True}]) }}
-- The labels of an entity by the figure that they apply to.
select
    entities.run_id,
    entities.file_id,
    entities.line_no,
    found.labels
from {{ ref('stg_entity_results') }} as entities
cross join lateral (
    select jsonb_object_agg(
            coalesce(anomaly ->> 'applies_to', split_part(anomaly ->> 'anomaly_method', '__', 4)),
            anomaly ->> 'anomaly'
        ) filter (
            where coalesce(anomaly ->> 'applies_to', split_part(anomaly ->> 'anomaly_method', '__', 4)) is not null
        ) as labels
    from jsonb_array_elements({{ array_or_empty('entities.statistical_methods') }}) as method
    cross join lateral jsonb_array_elements({{ array_or_empty("method -> 'anomalies'") }}) as profile
    cross join lateral jsonb_array_elements({{ array_or_empty("profile -> 'methods'") }}) as anomaly
) as found
where {{ in_runs('entities.run_id') }} and found.labels is not null
