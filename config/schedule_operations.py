"""What operators do with the schedule: run now, edit, switch, back to code. Each act is audited."""

from typing import Any, Final

from celery import current_app
from django.db import transaction

from apps.accounts.services import record_audit
from apps.common.errors import Conflict, Unavailable
from config.models import ScheduledClock
from config.schedule import ENTRIES, MESSAGE_NAME, PREFIX, URGENT_S, Clock, set_times, times_of

VERBS: Final = {
    "schedule.clock_changed": "A clock of the installation was changed",
    "schedule.clock_reset": "A clock of the installation was set back to the code",
    "schedule.clock_run": "A clock of the installation was run by hand",
}


class ClockUnknown(Conflict):
    """The clock is not in the code any more; it can only stay off."""

    code = "schedule.clock_unknown"


def name_of(task: ScheduledClock) -> str:
    """Return the clock's name in the code."""
    return str(task.name).removeprefix(PREFIX)


def declared_clock(task: ScheduledClock) -> Clock:
    """Return the clock as the code declares it; raises ClockUnknown."""
    try:
        return ENTRIES[name_of(task)]
    except KeyError as error:
        raise ClockUnknown from error


def origin_of(task: ScheduledClock) -> str:
    """Return where a row stands: from code, edited, off, or gone from code."""
    clock = ENTRIES.get(name_of(task))
    if clock is None:
        return "gone from code"
    if not task.enabled:
        return "off"
    return "from code" if times_of(task) == clock.times else "edited"


def run_clock(*, task: ScheduledClock) -> None:
    """Have a worker run a clock's function now; raises ClockUnknown, and Unavailable without a broker."""
    clock = declared_clock(task)
    try:
        current_app.send_task(
            MESSAGE_NAME,
            kwargs={"name": clock.name, "is_asked": True},
            queue=clock.queue,
            expires=URGENT_S,
            retry=False,
            ignore_result=True,
        )
    except current_app.connection_for_write().recoverable_connection_errors as error:
        raise Unavailable("There is no broker just now; the clock was not run.") from error
    record_audit(actor=None, verb="schedule.clock_run", target=task)


@transaction.atomic
def change_clock(*, task: ScheduledClock, is_enabled: bool, times: dict[str, Any]) -> None:
    """Let a clock tick at other times, or not at all; raises ClockUnknown."""
    clock = declared_clock(task)
    before = {"enabled": task.enabled, **times_of(task)}
    task.enabled = is_enabled
    set_times(task, Clock(clock.name, clock.function, **times))
    changes = {"before": before, "after": {"enabled": is_enabled, **times}}
    record_audit(actor=None, verb="schedule.clock_changed", target=task, changes=changes)


@transaction.atomic
def reset_clock(*, task: ScheduledClock) -> None:
    """Set a clock back to what the code says, and on; raises ClockUnknown."""
    clock = declared_clock(task)
    task.enabled = True
    set_times(task, clock)
    record_audit(actor=None, verb="schedule.clock_reset", target=task)
