{# The condition that a row belongs to the runs of this build. A full refresh takes all loaded runs: it drops the tables. #}
{% macro in_runs(column='run_id') -%}
    {%- set ids = var('run_ids') -%}
    {%- if ids and not flags.FULL_REFRESH -%}
        {{ column }} in (
        {%- for id in ids -%}
            {%- if not modules.re.match('^[0-9a-f-]{36}$', id | string) -%}
                {{ exceptions.raise_compiler_error("run_ids holds " ~ id ~ ", which is no id of a run") }}
            {%- endif -%}
            '{{ id }}'::uuid{{ ', ' if not loop.last }}
        {%- endfor -%}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
