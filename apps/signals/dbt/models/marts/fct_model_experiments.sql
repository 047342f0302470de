select
    run_id,
    experiment_no,
    estimator,
    groupby_label,
    group_value,
    row_count,
    duration_s,
    mae,
    rmse,
    r2,
    mae_original,
    rmse_original,
    r2_original
from {{ ref('stg_modeling_experiments') }}
where {{ in_runs() }}
