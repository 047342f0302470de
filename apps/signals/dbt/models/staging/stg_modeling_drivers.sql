select
    run_id,
    file_id,
    line_no,
    experiment_no,
    feature,
    mean_abs_shap,
    mean_shap,
    sample_count
from {{ source('raw', 'raw_modeling_drivers') }}
