"""The clocks, declared in code and synced into django-celery-beat's tables, where operators may edit them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from config.models import ClockOutcome, ClockState

MESSAGE_NAME: Final = "sextant.tick"
PREFIX: Final = "sextant:"
URGENT_S: Final = 60
ERROR_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Clock:
    """One function that runs every so many seconds, or at a time of day or minute of the hour (UTC)."""

    name: str
    function: str
    every_s: int | None = None
    minute: str | None = None
    hour: str = "*"
    # Ticks often and may take long all the same.
    is_slow: bool = False

    @property
    def queue(self) -> str:
        """Return the queue: what ticks within a minute must not wait behind slow clean-ups."""
        is_urgent = self.every_s is not None and self.every_s <= URGENT_S and not self.is_slow
        return "high_priority" if is_urgent else "low_priority"

    @property
    def times(self) -> dict[str, Any]:
        """Return when it ticks, to be compared."""
        if self.every_s is not None:
            return {"every_s": self.every_s}
        return {"minute": self.minute, "hour": self.hour}

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
    Clock("run_sources", "apps.datasets.periodic.run_sources", every_s=600),
    Clock("warm_maps", "apps.spatial.periodic.warm_maps", every_s=60, is_slow=True),
    Clock("prune_datasets", "apps.datasets.periodic.prune_datasets", minute="17"),
    Clock("compact_metrics", "apps.metrics.periodic.compact_due", every_s=settings.METRICS_COMPACT_EVERY_S),
    Clock("make_metric_partitions", "apps.metrics.periodic.make_partitions", minute="5", hour="0"),
    Clock("merge_metric_days", "apps.metrics.periodic.merge_days", minute="40", hour="2"),
    Clock("drop_past_metrics", "apps.metrics.periodic.retention", minute="15", hour="3"),
    Clock("verify_metrics", "apps.metrics.periodic.verify_sample", minute="10", hour="4"),
    Clock("discover_runs", "apps.signals.periodic.discover_runs", every_s=60, is_slow=True),
    # Proposals of projects
    Clock("settle_proposals", "apps.projects.periodic.settle_proposals", every_s=60, is_slow=True),
    # Credentials of projects, once an hour
    Clock("tell_expiring_credentials", "apps.projects.periodic.tell_expiring_credentials", minute="25"),
    # previews
    Clock("expire_previews", "apps.previews.periodic.expire", every_s=60),
    Clock("cleanup_previews", "apps.previews.periodic.cleanup_light", every_s=600),
    Clock("cleanup_previews_deep", "apps.previews.periodic.cleanup_deep", every_s=21_600),
    # projects
    Clock("sync_due", "apps.projects.periodic.sync_due", every_s=60),
    Clock("follow_publications", "apps.projects.periodic.follow_publications", every_s=60, is_slow=True),
    Clock("sweep_mirrors", "apps.projects.periodic.sweep_mirrors", every_s=300),
    Clock("verify_mirrors", "apps.projects.periodic.verify_mirrors", minute="25"),
    # Forecasts
    Clock("prune_forecasts", "apps.spatial.forecast_periodic.prune_forecasts", minute="20", hour="4"),
    Clock("prune_signals", "apps.signals.periodic.prune_signals", minute="20", hour="3"),
)
ENTRIES: Final = {clock.name: clock for clock in CLOCKS}


@transaction.atomic
def sync() -> tuple[list[str], list[str]]:
    """Create missing clocks, let untouched ones follow the code, switch off those gone from it.

    An operator's edits are never overwritten. Returns the names created and the names switched off.
    """
    tasks = {task.name: task for task in PeriodicTask.objects.filter(task=MESSAGE_NAME)}
    declared = dict(ClockState.objects.values_list("name", "declared"))
    created = []
    for clock in CLOCKS:
        task = tasks.pop(PREFIX + clock.name, None)
        if task is None:
            _create(clock)
            created.append(clock.name)
        elif clock.name in declared and clock.times != declared[clock.name] == times_of(task):
            set_times(task, clock)
        ClockState.objects.update_or_create(name=clock.name, defaults={"declared": clock.times})
    switched_off = [task for task in tasks.values() if task.enabled]
    for task in switched_off:
        task.enabled = False
        task.save(update_fields=["enabled"])  # save(), not update(): beat looks for the change it records
    return created, sorted(task.name.removeprefix(PREFIX) for task in switched_off)


def _create(clock: Clock) -> None:
    PeriodicTask.objects.create(
        name=PREFIX + clock.name,
        task=MESSAGE_NAME,
        kwargs=json.dumps({"name": clock.name}),
        queue=clock.queue,
        **clock.timing(),
    )


def set_times(task: PeriodicTask, clock: Clock) -> None:
    """Let a row of the schedule tick at a clock's times."""
    for name, value in ({"interval": None, "crontab": None} | clock.timing()).items():
        setattr(task, name, value)
    task.queue = clock.queue
    task.save()


def times_of(task: PeriodicTask) -> dict[str, Any]:
    """Return when a row of the schedule ticks, as `Clock.times` says it."""
    if task.interval is not None:
        return {"every_s": int(task.interval.schedule.run_every.total_seconds())}
    if task.crontab is not None:
        return {"minute": task.crontab.minute, "hour": task.crontab.hour}
    return {}


def shortest_gap(task: PeriodicTask | None) -> timedelta:
    """Return how long after a run another tick of the same clock must be of a second beat."""
    if task is not None and task.interval is not None:
        gap: timedelta = task.interval.schedule.run_every / 2
        return gap
    return timedelta(seconds=URGENT_S / 2)


@contextmanager
def recorded_run(name: str, *, is_asked: bool) -> Iterator[bool]:
    """Record when a clock's function ran and how that ended; yields False where this tick came twice.

    Two beats send every tick twice: the first one wins the UPDATE. What an operator asks for always runs.
    """
    task = PeriodicTask.objects.select_related("interval").filter(name=PREFIX + name).first()
    states = ClockState.objects.filter(name=name)
    ClockState.objects.get_or_create(name=name)
    due = states if is_asked else states.exclude(started_at__gt=Now() - shortest_gap(task))
    outcome = {"outcome": ClockOutcome.RUNNING, "error": "", "finished_at": None}
    if not due.update(started_at=Now(), **outcome):
        yield False
        return
    try:
        yield True
    except Exception as error:  # recorded for the operators, then the worker's log has it
        text = f"{type(error).__name__}: {error}"[:ERROR_CHARS]
        states.update(outcome=ClockOutcome.FAILED, error=text, finished_at=Now())
        raise
    states.update(outcome=ClockOutcome.SUCCEEDED, finished_at=Now())
