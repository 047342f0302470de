"""When sources run: five fields of cron in a time zone."""

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from celery.exceptions import ImproperlyConfigured
from celery.schedules import ParseException, crontab

from apps.common.errors import FieldError, Invalid

FIELDS: Final = 5
LEAST_APART: Final = dt.timedelta(minutes=15)
# So many runs are looked at to see how close together a schedule lets them come.
LOOKED_AT: Final = 200


class ScheduleInvalid(Invalid):
    """The schedule is not five fields of cron, or runs more often than every 15 minutes."""

    code = "datasets.schedule_invalid"


def check_schedule(text: str) -> None:
    """Raise ScheduleInvalid unless the text is a schedule that a source may have; empty is none."""
    if not text:
        return
    moment = next_run(text, "UTC", dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    for _ in range(LOOKED_AT):
        following = next_run(text, "UTC", moment)
        if following - moment < LEAST_APART:
            raise _refused("Runs must be at least 15 minutes apart.")
        moment = following


def next_run(text: str, zone: str, after: dt.datetime) -> dt.datetime:
    """Return the first moment after another at which a schedule runs; raises ScheduleInvalid."""
    local = after.astimezone(ZoneInfo(zone))
    try:
        fields = text.split()
        if len(fields) != FIELDS:
            raise _refused("Give five fields: minute, hour, day of the month, month, day of the week.")
        minute, hour, day, month, weekday = fields
        cron = crontab(minute, hour, weekday, day, month, nowfun=lambda: local)
        wait: dt.timedelta = cron.remaining_estimate(local)
    except (ParseException, ImproperlyConfigured, ValueError, RecursionError, RuntimeError) as error:
        raise _refused("This is no schedule of five cron fields.") from error
    return (local + wait).astimezone(dt.UTC)


def _refused(detail: str) -> ScheduleInvalid:
    return ScheduleInvalid(errors=[FieldError(detail, code="schedule_invalid", pointer="/schedule")])
