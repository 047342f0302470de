-- One mart row for each aggregate entity that is not suppressed, and no other.
with entities as (
    select distinct on (raw.run_id, raw.node_id, raw.entity_hash)
        raw.run_id,
        raw.signal_key,
        coalesce(
            jsonb_path_query_first(
                raw.statistical_methods, '$[*] ? (@.statistical_method starts with "statistical_method__simple_zscore__").statistics.suppressed'
            ) = 'true', false
        ) as suppressed
    from {{ ref('stg_entity_results') }} as raw
    where not raw.is_temporal and {{ in_runs('raw.run_id') }}
    order by raw.run_id, raw.node_id, raw.entity_hash, raw.file_id, raw.line_no
),

signals as (
    select run_id, signal_key, count(*) as row_count
    from {{ ref('fct_signals') }}
    where {{ in_runs() }}
    group by run_id, signal_key
)

select run_id, signal_key, entities.suppressed, signals.row_count
from entities
full join signals using (run_id, signal_key)
where coalesce(signals.row_count, 0) <> case when entities.suppressed then 0 when entities.suppressed is null then -1 else 1 end
