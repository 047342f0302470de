"""What the installation remembers of its clocks, beside django-celery-beat's own tables."""

from django.db import models
from django_celery_beat.models import PeriodicTask


class ClockOutcome(models.TextChoices):
    """How the last run of a clock ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class ClockState(models.Model):
    """One clock of the code: the times that it was declared with, and its last run.

    `declared` tells an operator's edit from a change of the code: a row of the schedule that still says what
    the code said follows the code, any other is left alone.
    """

    name = models.CharField(primary_key=True, max_length=80)
    declared = models.JSONField(default=dict)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(choices=ClockOutcome.choices, default="", blank=True)
    error = models.CharField(max_length=500, default="", blank=True)

    class Meta:
        db_table = "config_clock_state"

    def __str__(self) -> str:
        return self.name


class ScheduledClock(PeriodicTask):  # type: ignore[misc]  # the library has no types
    """A row of the schedule, as operators see it."""

    class Meta:
        proxy = True
        verbose_name = "clock"
        verbose_name_plural = "schedule"
