select
    methods.run_id,
    methods.file_id,
    methods.line_no,
    methods.method_no,
    methods.node_id,
    methods.entity_hash,
    methods.signal_key,
    methods.method,
    profile ->> 'anomaly_profile' as anomaly_profile,
    anomaly ->> 'anomaly_method' as anomaly_method,
    anomaly ->> 'applies_to' as applies_to,
    anomaly ->> 'anomaly' as label,
    {{ number("anomaly -> 'statistic_value'") }} as statistic_value,
    anomaly -> 'interpretation' ->> 'rendered' as interpretation
from {{ ref('stg_statistical_methods') }} as methods
cross join lateral jsonb_array_elements({{ array_or_empty('methods.anomalies') }}) as profile
cross join lateral jsonb_array_elements({{ array_or_empty("profile -> 'methods'") }}) as anomaly
