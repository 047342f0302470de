select signals.run_id, signals.signal_key, signals.signal_type, signals.severity
from {{ ref('fct_signals') }} as signals
inner join (
    select distinct version, type, low, high from {{ ref('signal_rules') }}
) as rules on rules.type = signals.signal_type and rules.version = signals.rules_version
where {{ in_runs('signals.run_id') }} and signals.severity not between rules.low and rules.high
