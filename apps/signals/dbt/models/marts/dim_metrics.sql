-- What a metric stands for: by policy, else the run's bundle, else the catalog, else the words of its name.
with metrics as (
    select distinct run_id, metric_id
    from {{ ref('stg_nodes') }}
    where metric_id is not null and {{ in_runs() }}
),

bundled as (
    select distinct on (documents.run_id, metric ->> 'metric_id')
        documents.run_id,
        metric ->> 'metric_id' as metric_id,
        nullif(metric ->> 'display_name', '') as display_name,
        nullif(metric ->> 'description', '') as description,
        nullif(metric ->> 'domain', '') as domain,
        case when metric ->> 'polarity' in ('lower_is_better', 'higher_is_better', 'neutral')
            then metric ->> 'polarity' end as polarity,
        metric ->> 'unit_type' as unit_type,
        metric ->> 'display_format' as display_format
    from {{ source('raw', 'raw_documents') }} as documents
    cross join lateral jsonb_array_elements({{ array_or_empty("documents.payload -> 'metrics'") }})
        with ordinality as listed (metric, position)
    where documents.kind = 'metadata_bundle' and {{ in_runs('documents.run_id') }}
    order by documents.run_id, metric ->> 'metric_id', documents.file_id, position
),

named as (
    select
        metrics.run_id,
        metrics.metric_id,
        -- The policies' columns are varchar, the contract's text.
        coalesce(policies.display_name::text, bundled.display_name, catalog.display_name) as display_name,
        bundled.description,
        coalesce(policies.domain::text, bundled.domain, catalog.domain) as domain,
        {{ words("coalesce(policies.display_name, bundled.display_name, metrics.metric_id)") }} as words,
        coalesce(policies.polarity::text, bundled.polarity, catalog.polarity, 'lower_is_better') as polarity,
        case
            when policies.polarity is not null then 'policy'
            when bundled.polarity is not null then 'bundle'
            when catalog.polarity is not null then 'catalog'
            else 'assumed'
        end as polarity_source,
        bundled.unit_type,
        bundled.display_format
    from metrics
    inner join {{ source('signals', 'signals_run') }} as runs on runs.id = metrics.run_id
    left join {{ source('signals', 'signals_metric_policy') }} as policies
        on policies.organization_id = runs.organization_id and policies.metric_id = metrics.metric_id
    left join bundled on bundled.run_id = metrics.run_id and bundled.metric_id = metrics.metric_id
    left join {{ ref('metric_catalog') }} as catalog on catalog.metric_id = metrics.metric_id
)

select
    named.run_id,
    named.metric_id,
    named.display_name,
    named.description,
    coalesce(
        named.domain,
        (
            select rules.domain
            from {{ ref('domain_rules') }} as rules
            where position(rules.term in named.words) > 0
            order by rules.number
            limit 1
        ),
        'Other'
    ) as domain,
    named.polarity,
    named.polarity_source,
    named.unit_type,
    named.display_format
from named
