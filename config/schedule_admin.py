"""The schedule in the admin: each clock with its origin, its times, its last run, and what can be done."""

from typing import Any

from celery.schedules import ParseException, crontab
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.common.admin import ReadOnlyAdmin
from apps.common.audit import register_audit_verbs
from config import schedule_operations
from config.models import ClockState, ScheduledClock
from config.schedule import ENTRIES, MESSAGE_NAME, times_of

register_audit_verbs(schedule_operations.VERBS)


class ClockForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in its stubs only
    """When a clock ticks: every so many seconds, or at a minute and hour (UTC)."""

    every_s = forms.IntegerField(label="every (seconds)", min_value=1, max_value=86_400, required=False)
    minute = forms.CharField(max_length=60, required=False, help_text="As in a crontab: 17, */5, 0,30.")
    hour = forms.CharField(max_length=60, required=False, help_text="As in a crontab, UTC; * for every hour.")

    class Meta:
        model = ScheduledClock
        fields = ("enabled",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(times_of(self.instance))

    def clean(self) -> dict[str, Any]:
        """Require one kind of time, in words that the clock understands."""
        values = super().clean() or {}
        every_s, minute = values.get("every_s"), values.get("minute")
        if bool(every_s) == bool(minute):
            raise ValidationError("Give either a number of seconds, or a minute and an hour.")
        values["times"] = {"every_s": every_s} if every_s else self._checked(minute, values.get("hour"))
        return values

    def _checked(self, minute: str | None, hour: str | None) -> dict[str, str]:
        times = {"minute": minute or "0", "hour": hour or "*"}
        try:
            crontab(**times)
        except (ParseException, ValueError) as error:
            raise ValidationError(f"This is no time of a crontab: {error}") from error
        return times

    def _post_clean(self) -> None:
        """Leave the row alone: the service changes it, and checks what goes together."""


@admin.register(ScheduledClock)
class ScheduleAdmin(ReadOnlyAdmin):
    """The clocks of the installation."""

    form = ClockForm
    list_display = ("name", "origin", "times", "in_code", "last_run", "took", "outcome", "error")
    ordering = ("name",)
    actions = ("run_now", "switch_off", "switch_on", "back_to_code")
    fields = ("enabled", "every_s", "minute", "hour")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff edit."""
        return request.user.is_staff

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScheduledClock]:
        """Show our own clocks only."""
        rows: QuerySet[ScheduledClock] = super().get_queryset(request)
        return rows.filter(task=MESSAGE_NAME).select_related("interval", "crontab")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Change the clock by its service."""
        values = form.cleaned_data
        schedule_operations.change_clock(task=obj, is_enabled=values["enabled"], times=values["times"])

    @admin.display(description="stands")
    def origin(self, row: ScheduledClock) -> str:
        """Return whether the row is from code, edited, off or gone."""
        return schedule_operations.origin_of(row)

    @admin.display(description="ticks")
    def times(self, row: ScheduledClock) -> str:
        """Return when it ticks."""
        return _said(times_of(row))

    @admin.display(description="in code")
    def in_code(self, row: ScheduledClock) -> str:
        """Return when the code would have it tick."""
        clock = ENTRIES.get(schedule_operations.name_of(row))
        return _said(clock.times) if clock else "nowhere"

    @admin.display(description="last run")
    def last_run(self, row: ScheduledClock) -> Any:
        """Return when it last ran."""
        return self._state(row).started_at

    @admin.display(description="took (s)")
    def took(self, row: ScheduledClock) -> Any:
        """Return how long the last run took."""
        state = self._state(row)
        if state.started_at is None or state.finished_at is None:
            return None
        return round((state.finished_at - state.started_at).total_seconds(), 2)

    @admin.display(description="outcome")
    def outcome(self, row: ScheduledClock) -> str:
        """Return how the last run ended."""
        return self._state(row).outcome or "never ran"

    @admin.display(description="error")
    def error(self, row: ScheduledClock) -> str:
        """Return why the last run failed."""
        return self._state(row).error

    def _state(self, row: ScheduledClock) -> ClockState:
        name = schedule_operations.name_of(row)
        return ClockState.objects.filter(name=name).first() or ClockState(name=name)

    @admin.action(description="Run now")
    def run_now(self, request: HttpRequest, rows: QuerySet[ScheduledClock]) -> None:
        """Have a worker run the chosen clocks."""
        self.each(request, rows, lambda row: schedule_operations.run_clock(task=row))

    @admin.action(description="Switch off")
    def switch_off(self, request: HttpRequest, rows: QuerySet[ScheduledClock]) -> None:
        """Let the chosen clocks tick no more."""
        self._switch(request, rows, is_enabled=False)

    @admin.action(description="Switch on")
    def switch_on(self, request: HttpRequest, rows: QuerySet[ScheduledClock]) -> None:
        """Let the chosen clocks tick again."""
        self._switch(request, rows, is_enabled=True)

    def _switch(self, request: HttpRequest, rows: QuerySet[ScheduledClock], *, is_enabled: bool) -> None:
        change = schedule_operations.change_clock
        self.each(request, rows, lambda row: change(task=row, is_enabled=is_enabled, times=times_of(row)))

    @admin.action(description="Back to code")
    def back_to_code(self, request: HttpRequest, rows: QuerySet[ScheduledClock]) -> None:
        """Undo what was edited."""
        self.each(request, rows, lambda row: schedule_operations.reset_clock(task=row))


def _said(times: dict[str, Any]) -> str:
    if "every_s" in times:
        return f"every {times['every_s']} s"
    return f"minute {times['minute']}, hour {times['hour']} UTC" if times else "never"
