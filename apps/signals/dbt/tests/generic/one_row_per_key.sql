{% test one_row_per_key(model, columns) %}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
where {{ in_runs() }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
