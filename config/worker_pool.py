"""How many processes a worker has: one while little is to do, another for each job that has to wait.

A process that ran a few jobs holds 40 MB of its own. Celery's own scaling takes another for any two messages
that come at once, as those of the clocks do all day, and then keeps it.
"""

import time
from typing import Any, Final

from celery.worker import state
from celery.worker.autoscale import Autoscaler

from config.schedule import MESSAGE_NAME

# Most clocks are done by then, and another process is there as long after it.
PATIENCE_S: Final = 0.25
# Clocks come by the handful and take milliseconds; behind a long job they get a process of their own, too.
CLOCK_PATIENCE_S: Final = 2.0
# Out of step with the clocks, which tick at multiples of five seconds.
LOOK_EVERY_S: Final = 7.0
IDLE_AFTER_S: Final = 60.0


class PatientAutoscaler(Autoscaler):
    """Starts a process for a job that waits, and ends those that had none for a minute.

    The worker's own loop calls it: on each message, and every few seconds.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"keepalive": LOOK_EVERY_S})
        self._busy_at_s = time.monotonic()

    def maybe_scale(self, req: Any = None) -> None:
        """Look again soon after a job that may have to wait; else end what is not needed any more."""
        if req is None:
            self._end_idle()
        elif len(state.reserved_requests) > self.processes:
            patience_s = CLOCK_PATIENCE_S if req.name == MESSAGE_NAME else PATIENCE_S
            self.worker.hub.call_later(patience_s, self.help_out, req)

    def help_out(self, req: Any) -> None:
        """Start a process if the job still waits."""
        is_waiting = req in state.reserved_requests and req not in state.active_requests
        if is_waiting and self.processes < self.max_concurrency:
            self._busy_at_s = time.monotonic()
            self.scale_up(1)
            self.pool.maintain_pool()

    def _end_idle(self) -> None:
        """End what was taken if there was no job but clocks at any look for a minute, and now not even one.

        Those left are new: what its jobs needed once, a process keeps, 20 to 40 MB.
        """
        now_s = time.monotonic()
        if any(req.name != MESSAGE_NAME for req in state.reserved_requests):
            self._busy_at_s = now_s
        is_surplus = self.processes > self.min_concurrency and not state.reserved_requests
        if is_surplus and now_s - self._busy_at_s >= IDLE_AFTER_S:
            surplus = self.processes
            self.scale_up(self.min_concurrency)
            self.pool.maintain_pool()  # now: those that are ending still count as there, and work would wait
            # Not by `scale_down`, which never acts where clocks tick; it ends the oldest.
            pool: Any = self.pool  # the type of all pools, of which not each can do it
            pool.shrink(surplus)
            self.pool.maintain_pool()
