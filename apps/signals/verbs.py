"""What the audit says of acts on signals."""

from typing import Final

VERBS: Final = {
    "signals.load_started": "A run's load was asked for",
    "signals.build_started": "A dbt build was asked for",
    "signals.hydration_started": "A hydration was asked for",
    "signals.hydration_forced": "A hydration was asked for that lets signals vanish past the guard",
    "signals.run_pruned": "A run's raw and mart rows were removed",
    "signals.graph_changed": "A graph was claimed, or its settings were changed",
}
