{{ config(indexes=[{'columns': ['run_id', 'signal_key'], 'unique': True}]) }}
-- The first rule that holds, and the severity within its range. Null meets no bound.
{%- set parts = {'position': 'z', 'trend': 'p', 'momentum': 'a', 'consistency': 's', 'volume': 'encounters_rank', 'magnitude': 'percentile_rank'} %}
{%- set labels_of_null = {'trend': "'stable'", 'momentum': "'neutral'"} %}
with parts as (
    select
        inputs.run_id,
        inputs.signal_key,
        inputs.s,
        inputs.x,
        inputs.n,
        rules.version,
        rules.number,
        rules.type,
        rules.low,
        rules.high,
        rules.base
        {%- for factor in parts %},
        {{ factor }}.label as {{ factor }}_label,
        coalesce({{ factor }}.adjustment, 0) as {{ factor }}_adjustment
        {%- endfor %}
    from {{ ref('int_signal_inputs') }} as inputs
    cross join lateral (
        select candidates.*
        from {{ ref('signal_rules') }} as candidates
        where candidates.version = {{ var('rules_version') }}
            and (not candidates.directional or inputs.polarity <> 'neutral')
            and (candidates.suppressed is null or candidates.suppressed = inputs.suppressed)
            and (candidates.z_null is null or candidates.z_null = (inputs.z is null))
            and (candidates.p_null is null or candidates.p_null = (inputs.p is null))
            and (candidates.n_below is null or inputs.n < candidates.n_below)
            and (candidates.z_at_least is null or inputs.z >= candidates.z_at_least)
            and (candidates.z_below is null or inputs.z < candidates.z_below)
            and (candidates.p_at_least is null or inputs.p >= candidates.p_at_least)
            and (candidates.p_below is null or inputs.p < candidates.p_below)
            and (candidates.s_at_least is null or inputs.s >= candidates.s_at_least)
            and (candidates.x_at_least is null or inputs.x >= candidates.x_at_least)
        order by candidates.number, candidates.alternative
        limit 1
    ) as rules
    {%- for factor, input in parts.items() %}
    left join lateral (
        select bands.label, bands.adjustment
        from {{ ref('severity_parts') }} as bands
        where bands.factor = '{{ factor }}'
            and inputs.{{ input }} is not null
            and (
                bands.below is null
                or inputs.{{ input }} < bands.below
                or (bands.inclusive and inputs.{{ input }} = bands.below)
            )
        order by bands.position
        limit 1
    ) as {{ factor }} on true
    {%- endfor %}
    where {{ in_runs('inputs.run_id') }}
),

summed as (
    select
        *,
        type = 'suspect_data' as is_plain,
        position_adjustment + trend_adjustment + momentum_adjustment + consistency_adjustment
        + volume_adjustment as adjustment
    from parts
)

select
    run_id,
    signal_key,
    version as rules_version,
    number as rule_number,
    type as signal_type,
    case when is_plain then base else least(greatest(base + adjustment, low), high) end as severity,
    jsonb_build_object(
        'base', base,
        'refinements', case when is_plain then '[]'::jsonb else jsonb_build_array(
            {%- for factor in parts if factor != 'magnitude' %}
            jsonb_build_object(
                'factor', '{{ factor }}',
                'adjustment', {{ factor }}_adjustment,
                'reason', coalesce({{ factor }}_label, {{ labels_of_null.get(factor, "'no_value'") }})
            ){{ ',' if factor != 'volume' }}
            {%- endfor %}
        ) end,
        'final', case when is_plain then base else least(greatest(base + adjustment, low), high) end
    ) as severity_calculation,
    position_label as position,
    coalesce(trend_label, 'stable') as trend,
    coalesce(momentum_label, 'neutral') as momentum,
    consistency_label as consistency,
    coalesce(x >= 3, false) as has_spike,
    magnitude_label as magnitude_tier,
    coalesce(trend_label, 'stable') as trajectory_tier,
    case
        when s < 0.9 and n >= 6 then 'persistent'
        when s < 1.1 and n >= 3 then 'variable'
        else 'transient'
    end as consistency_tier
from summed
