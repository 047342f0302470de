"""What several parts of signals raise."""

from apps.common.errors import Conflict


class RunState(Conflict):
    """The run's state does not allow this."""

    code = "signals.run_state"


class GateNotPassed(Conflict):
    """The run's files are not complete and consistent."""

    code = "signals.gate_not_passed"


class RunPruned(Conflict):
    """The rows of this run were pruned; what was observed stays in the history of its signals."""

    code = "signals.run_pruned"
