{% test points_to(model, column, to, field) %}
{# What the column names is there, in the same run. #}
select children.run_id, children.{{ column }}
from {{ model }} as children
where {{ in_runs('children.run_id') }}
    and children.{{ column }} is not null
    and not exists (
        select from {{ to }} as parents
        where parents.run_id = children.run_id and parents.{{ field }} = children.{{ column }}
    )
{% endtest %}
