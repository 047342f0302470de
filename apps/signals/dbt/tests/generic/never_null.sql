{% test never_null(model, columns) %}
select run_id
from {{ model }}
where {{ in_runs() }} and ({{ columns | join(' is null or ') }} is null)
{% endtest %}
