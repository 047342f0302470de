-- A feature that stands twice for an experiment counts by its first line.
select
    run_id,
    experiment_no,
    feature,
    mean_abs_shap,
    mean_shap,
    sample_count,
    row_number() over (
        partition by run_id, experiment_no order by mean_abs_shap desc nulls last, feature
    )::integer as rank
from (
    select distinct on (run_id, experiment_no, feature) *
    from {{ ref('stg_modeling_drivers') }}
    where {{ in_runs() }}
    order by run_id, experiment_no, feature, file_id, line_no
) as drivers
