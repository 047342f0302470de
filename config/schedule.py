"""The clocks, declared in code and synced into django-celery-beat's tables, where operators may edit them."""

import json
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

MESSAGE_NAME: Final = "sextant.tick"
PREFIX: Final = "sextant:"
URGENT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Clock:
    """One function that runs every so many seconds, or at a time of day or minute of the hour (UTC)."""

    name: str
    function: str
    every_s: int | None = None
    minute: str | None = None
    hour: str = "*"

    @property
    def queue(self) -> str:
        """Return the queue: what ticks within a minute must not wait behind slow clean-ups."""
        return "high_priority" if self.every_s is not None and self.every_s <= URGENT_S else "low_priority"

    def timing(self) -> dict[str, Any]:
        """Return the row of django-celery-beat that says when."""
        if self.every_s is not None:
            interval, _ = IntervalSchedule.objects.get_or_create(
                every=self.every_s, period=IntervalSchedule.SECONDS
            )
            return {"interval": interval, "expire_seconds": max(self.every_s, 10)}
        crontab, _ = CrontabSchedule.objects.get_or_create(
            minute=self.minute,
            hour=self.hour,
            day_of_week="*",
            day_of_month="*",
            month_of_year="*",
            timezone="UTC",
        )
        return {"crontab": crontab, "expire_seconds": 3_600}


CLOCKS: Final = (
    Clock("reap_jobs", "apps.common.jobs.reap_jobs", every_s=10),
    Clock("seal_audit", "apps.accounts.periodic.seal_audit", every_s=15),
    Clock("mail_notices", "apps.accounts.periodic.mail_notices", every_s=60),
    Clock("drop_segments", "apps.datasets.periodic.drop_segments", every_s=120),
    Clock("prune", "apps.common.keeping.prune_now", minute="10", hour="3"),
    Clock("purge_organizations", "apps.accounts.periodic.purge_organizations", minute="30", hour="3"),
    Clock("flush_key_usage", "apps.accounts.periodic.flush_key_usage", every_s=60),
    Clock("prune_datasets", "apps.datasets.periodic.prune_datasets", minute="17"),
)
ENTRIES: Final = {clock.name: clock for clock in CLOCKS}


@transaction.atomic
def sync() -> tuple[list[str], list[str]]:
    """Create missing clocks, switch off those gone from code; never touch an operator's edits.

    Returns the names created and the names switched off.
    """
    known = set(PeriodicTask.objects.filter(task=MESSAGE_NAME).values_list("name", flat=True))
    missing = [clock for clock in CLOCKS if PREFIX + clock.name not in known]
    for clock in missing:
        PeriodicTask.objects.create(
            name=PREFIX + clock.name,
            task=MESSAGE_NAME,
            kwargs=json.dumps({"name": clock.name}),
            queue=clock.queue,
            **clock.timing(),
        )
    gone = PeriodicTask.objects.filter(name__in=known - {PREFIX + name for name in ENTRIES}, enabled=True)
    switched_off = sorted(gone.values_list("name", flat=True))
    for task in gone:
        task.enabled = False
        task.save(update_fields=["enabled"])  # save(), not update(): beat looks for the change it records
    return [clock.name for clock in missing], [name.removeprefix(PREFIX) for name in switched_off]
