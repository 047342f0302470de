{# A JSON number as a double, null for everything else; what no double holds is null (or 0, if it is too small). #}
{% macro number(json) -%}
    (case when jsonb_typeof({{ json }}) = 'number' then
        case when abs(({{ json }})::numeric) between 1e-300 and 1e300 then ({{ json }})::double precision
             when abs(({{ json }})::numeric) < 1e-300 then 0 end
    end)
{%- endmacro %}

{# The same as a whole number; 15166.0 is one. #}
{% macro whole(json) -%}
    (case when jsonb_typeof({{ json }}) = 'number' then
        case when abs(({{ json }})::numeric) < 2e9 then round(({{ json }})::numeric)::integer end
    end)
{%- endmacro %}

{# A text of a period (YYYYMM, YYYY-MM, YYYYMMDD, YYYY-Qn, YYYY) as the date of its first day, else null. #}
{% macro period_date(text) -%}
    (case
        when {{ text }} ~ '^[1-9][0-9]{3}-?(0[1-9]|1[0-2])$' then
            (left({{ text }}, 4) || '-' || right({{ text }}, 2) || '-01')::date
        when {{ text }} ~ '^[1-9][0-9]{3}-?(0[1-9]|1[0-2])-?(0[1-9]|[12][0-9]|3[01])$' then
            (left({{ text }}, 4) || '-' || substr(replace({{ text }}, '-', ''), 5, 2) || '-01')::date
            + (right({{ text }}, 2)::integer - 1)
        when {{ text }} ~ '^[1-9][0-9]{3}-?[Qq][1-4]$' then
            make_date(left({{ text }}, 4)::integer, right({{ text }}, 1)::integer * 3 - 2, 1)
        when {{ text }} ~ '^[1-9][0-9]{3}$' then make_date({{ text }}::integer, 1, 1)
    end)
{%- endmacro %}

{# Dimensions [[name, value], ...] as an object. #}
{% macro dimensions_object(dimensions) -%}
    (select coalesce(jsonb_object_agg(pair ->> 0, pair -> 1), '{}') from jsonb_array_elements({{ dimensions }}) as pair)
{%- endmacro %}

{# An object of scalars with its values as the keys spell them: numbers as their shortest text, booleans by word. #}
{% macro canonical_object(json) -%}
    (select coalesce(jsonb_object_agg(key, case jsonb_typeof(value)
        when 'number' then to_jsonb(trim_scale((value)::numeric)::text)
        when 'boolean' then to_jsonb(value #>> '{}')
        else value end), '{}')
     from jsonb_each(case when jsonb_typeof({{ json }}) = 'object' then {{ json }} else '{}' end))
{%- endmacro %}

{# The words of a name in lower case between single spaces, one at each end: "losIndex" is " los index ". #}
{% macro words(name) -%}
    (' ' || trim(regexp_replace(lower(regexp_replace({{ name }}, '([a-z0-9])([A-Z])', '\1 \2', 'g')), '[^a-z0-9]+', ' ', 'g')) || ' ')
{%- endmacro %}

{# A JSON array, or an empty one for anything else. #}
{% macro array_or_empty(json) -%}
    (case when jsonb_typeof({{ json }}) = 'array' then {{ json }} else '[]' end)
{%- endmacro %}
