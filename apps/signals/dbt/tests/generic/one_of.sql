{% test one_of(model, column, values) %}
select run_id, {{ column }}, count(*) as row_count
from {{ model }}
where {{ in_runs() }}
    and {{ column }} is not null
    and {{ column }} not in ({% for value in values %}'{{ value }}'{{ ', ' if not loop.last }}{% endfor %})
group by run_id, {{ column }}
{% endtest %}
