{% test in_range(model, column, low, high) %}
{# A hair of rounding is let through: files have six decimals. #}
select run_id, {{ column }}
from {{ model }}
where {{ in_runs() }} and ({{ column }} < {{ low }} - 1e-6 or {{ column }} > {{ high }} + 1e-6)
{% endtest %}
