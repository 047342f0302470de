select
    run_id,
    file_id,
    line_no as experiment_no,
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
from {{ source('raw', 'raw_modeling_experiments') }}
