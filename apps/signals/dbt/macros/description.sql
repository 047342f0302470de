{# A number as people read it: two decimals, none that say nothing. #}
{% macro shown(value) -%}
    trim_scale(round(({{ value }})::numeric, 2))::text
{%- endmacro %}

{# The generated sentence: "LOS Index of FAC001 Hospital in Cardiology is 1.35, 23 % above the benchmark of 1.1: ...". #}
{% macro description() -%}
    concat(
        coalesce(metric_name, metric_id, 'A metric'),
        ' of ', coalesce(facility_name, facility_id, 'all facilities'),
        case when jsonb_array_length(dimensions) > 0 then ' in ' || group_value end,
        ' is ', coalesce({{ shown('metric_value') }}, 'not known'),
        case
            when variance_percent is null then ''
            when abs(variance_percent) < 0.5 then ', at the benchmark of ' || {{ shown('benchmark_value') }}
            else ', ' || trim_scale(round(abs(variance_percent)::numeric, 0))::text || ' % '
                || case when variance_percent > 0 then 'above' else 'below' end
                || ' the benchmark of ' || {{ shown('benchmark_value') }}
        end,
        ': ', replace(signal_type, '_', ' '),
        case when position is not null then ', ' || position || ' among its peers' end,
        case when slope_percentile is not null then ' and ' || replace(trend, '_', ' ') end,
        '.'
    )
{%- endmacro %}
