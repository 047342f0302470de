"""Every public write of sources: create, change, delete, run by hand and by the clock."""

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.accounts.permissions import Actor, require, system_actor
from apps.accounts.services import record_audit
from apps.common.db import JobStatus
from apps.common.errors import FieldError, Invalid, NotFound
from apps.common.outbound.urls import parse_target
from apps.datasets.import_queue import Order, check_queue, queue_imports
from apps.datasets.importing.announcing import ACTIVE
from apps.datasets.importing.months import month_bounds, note_month
from apps.datasets.importing.options import ImportOptions
from apps.datasets.importing.publishing import lock_dataset
from apps.datasets.importing.room import check_room
from apps.datasets.models import Dataset, Import, Profile, Source, SourceMonth
from apps.datasets.models.sources import month_text
from apps.datasets.schedules import check_schedule, next_run
from apps.datasets.services import check_documents
from apps.datasets.states import DuplicatePolicy, ImportMode, MonthState, SourceKind, SourceOf

MONTHS_MAX: Final = 240
# A month that is not there yet is looked for daily, so long.
MISSED_FOR: Final = dt.timedelta(days=60)
MISSED_EVERY: Final = dt.timedelta(days=1)
# An import that ended unheard is looked for so long.
LOOK_BACK: Final = dt.timedelta(days=2)
PLACEHOLDERS: Final = re.compile(r"\{(month|year|mm)\}")
EARLIEST_YEAR: Final = 1900


class MonthInvalid(Invalid):
    """These are no months that a source can be asked for.

    Name them as YYYY-MM, in order, at most 240, none in the future.
    """

    code = "datasets.month_invalid"


@transaction.atomic
def create_source(*, actor: Actor, dataset: Dataset, kind: str, template: str, **fields: Any) -> Source:
    """Make a source of a dataset; raises OutboundBlocked, ScheduleInvalid, Invalid, NotFound (profile)."""
    require(actor, "datasets.schedule", dataset)
    source = Source(dataset=dataset, kind=kind, template=template, created_by=actor.person)
    _change(actor, source, fields)
    source.save()
    facts = {"dataset": dataset.pk, "kind": kind, "schedule": source.schedule}
    record_audit(actor=actor, verb="datasets.source_created", target=source, changes=facts)
    return source


@transaction.atomic
def update_source(*, actor: Actor, source: Source, **changes: Any) -> Source:
    """Change a source; raises what `create_source` raises."""
    require(actor, "datasets.schedule", source.dataset)
    _change(actor, source, changes)
    source.save()
    record_audit(
        actor=actor, verb="datasets.source_changed", target=source, changes={"fields": sorted(changes)}
    )
    return source


@transaction.atomic
def delete_source(*, actor: Actor, source: Source) -> None:
    """Take a source away; what it brought stays."""
    require(actor, "datasets.schedule", source.dataset)
    record_audit(actor=actor, verb="datasets.source_deleted", target=source)
    source.delete()


@transaction.atomic
def run_source(
    *,
    actor: Actor,
    source: Source,
    months: Sequence[dt.date] = (),
    dry_run: bool = False,
    force: bool = False,
) -> list[Import]:
    """Queue the import of a source, one for each month, in their order.

    As many statements for all as for one. What is queued already is not queued again. Raises MonthInvalid,
    ImportQueueFull.
    """
    require(actor, "datasets.schedule", source.dataset)
    if (source.kind == SourceKind.MONTHS) != bool(months):
        raise MonthInvalid
    if months and max(months) > timezone.now().astimezone(ZoneInfo(source.dataset.zone)).date():
        raise MonthInvalid("A month in the future has no file yet.")
    # Locked, so that clock and person do not both queue the same month.
    dataset = lock_dataset(source.dataset)
    if dataset.deleted_at is not None:
        raise NotFound
    wanted: Sequence[dt.date | None] = months or (None,)
    active = _active(source, wanted, dry_run=dry_run, force=force)
    missing = [month for month in wanted if month not in active]
    orders = [Order(_options(source, month, dry_run=dry_run, force=force), month) for month in missing]
    _check(actor, dataset, orders)
    made = queue_imports(actor=actor, dataset=dataset, orders=orders, source=source)
    facts = {
        "months": [month_text(month) for month in months],
        "dry_run": dry_run,
        "imports": [row.pk for row in made],
    }
    record_audit(actor=actor, verb="datasets.source_run", target=source, changes=facts)
    queued = active | {row.month: row for row in made}
    return [queued[month] for month in wanted]


def run_now(*, actor: Actor, source: Source, now: dt.datetime) -> list[Import]:
    """Queue what the schedule of a source would ask for at this moment."""
    if source.kind == SourceKind.URL:
        return run_source(actor=actor, source=source)
    months = due_months(source, now)
    return run_source(actor=actor, source=source, months=months) if months else []


def run_due_sources(now: dt.datetime) -> int:
    """Queue what the schedules ask for now; return how many imports. A source that fails stops no other."""
    living = Source.objects.filter(enabled=True, next_run_at__isnull=False, dataset__deleted_at__isnull=True)
    due = living.filter(next_run_at__lte=now)
    queued = sum(_run_due(pk, now) for pk in due.order_by("next_run_at", "pk").values_list("pk", flat=True))
    missed = living.filter(Exists(_missed(now).filter(source=OuterRef("pk")))).order_by("pk")
    return queued + sum(_look_again(pk, now) for pk in missed.values_list("pk", flat=True))


def _missed(now: dt.datetime) -> QuerySet[SourceMonth]:
    """Return the months that were not there a day ago and are not given up."""
    active = Import.objects.filter(source=OuterRef("source"), month=OuterRef("month"), status__in=ACTIVE)
    return SourceMonth.objects.filter(
        ~Exists(active),
        state=MonthState.MISSING,
        missing_since__gt=now - MISSED_FOR,
        changed_at__lte=now - MISSED_EVERY,
    )


def settle_months(now: dt.datetime) -> int:
    """Note the months of imports whose worker died before its last word; return how many."""
    later = SourceMonth.objects.filter(source=OuterRef("source"), month=OuterRef("month")).filter(
        Q(latest_import__no__gt=OuterRef("no"))
        | Q(latest_import=OuterRef("pk"), changed_at__gte=OuterRef("finished_at"))
    )
    ended = Import.objects.filter(
        ~Exists(later),
        source__isnull=False,
        month__isnull=False,
        finished_at__gt=now - LOOK_BACK,
        status__in=[JobStatus.SUCCEEDED, JobStatus.FAILED],
        options__dry_run=False,
    )
    noted = [note_month(row) for row in ended.select_related("dataset").order_by("no")]
    return len(noted)


@transaction.atomic
def _look_again(source_id: uuid.UUID, now: dt.datetime) -> int:
    """Queue the missing months of a source once more, whatever its schedule says."""
    rows = Source.objects.select_for_update(skip_locked=True, of=("self",))
    source = rows.select_related("dataset__organization").filter(pk=source_id, enabled=True).first()
    if source is None:
        return 0
    months = list(_missed(now).filter(source=source).order_by("month").values_list("month", flat=True))
    actor = system_actor(source.dataset.organization)
    return len(run_source(actor=actor, source=source, months=months)) if months else 0


@transaction.atomic
def _run_due(source_id: uuid.UUID, now: dt.datetime) -> int:
    rows = Source.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
        "dataset__organization"
    )
    source = rows.filter(pk=source_id, enabled=True, next_run_at__lte=now).first()
    if source is None:
        return 0
    actor = system_actor(source.dataset.organization)
    queued = run_now(actor=actor, source=source, now=now)
    source.last_run_at, source.next_run_at = now, _next_run(source, now)
    source.save(update_fields=["last_run_at", "next_run_at", "updated_at"])
    return len(queued)


def due_months(source: Source, now: dt.datetime) -> list[dt.date]:
    """Return the last whole month, and each since the first that failed, is missing or was never tried."""
    today = now.astimezone(ZoneInfo(source.dataset.zone)).date()
    last = (today.replace(day=1) - dt.timedelta(days=1)).replace(day=1)
    known = {row.month: row for row in SourceMonth.objects.filter(source=source)}
    wanted = months_between(source.first_month or last, last)
    return [month for month in wanted if month == last or _is_open(known.get(month), now)][-MONTHS_MAX:]


def parse_month(text: str) -> dt.date:
    """Return the first day of a month given as YYYY-MM; raises MonthInvalid."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
        year, month = int(text[:4]), int(text[5:])
        if year >= EARLIEST_YEAR and 1 <= month <= 12:  # noqa: PLR2004 - months of a year
            return dt.date(year, month, 1)
    raise MonthInvalid(f"{text[:20]!r} is no month of the form YYYY-MM.")


def months_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Return the first days of the months from one to another, both included; over 240: MonthInvalid."""
    found: list[dt.date] = []
    month = first.replace(day=1)
    while month <= last and len(found) <= MONTHS_MAX:
        found.append(month)
        month = month_bounds(month)[1]
    if len(found) > MONTHS_MAX:
        raise MonthInvalid
    return found


def asked_months(months: Sequence[str], first: str | None, last: str | None) -> list[dt.date]:
    """Return the months that a caller lists, or from one to another; raises MonthInvalid."""
    if months and (first or last):
        raise MonthInvalid("Give a list of months, or from and to.")
    if months:
        return sorted({parse_month(text) for text in months})
    if first is None and last is None:
        return []
    if first is None or last is None:
        raise MonthInvalid("Give both from and to.")
    found = months_between(parse_month(first), parse_month(last))
    if not found:
        raise MonthInvalid("The range of months ends before it starts.")
    return found


def address_of(source: Source, month: dt.date | None) -> str:
    """Return the address of a source, of a month where it has one for each."""
    return _filled(source.template, month) if month is not None else source.template


def _filled(text: str, month: dt.date) -> str:
    values = {"month": month_text(month), "year": f"{month:%Y}", "mm": f"{month:%m}"}
    return PLACEHOLDERS.sub(lambda found: values[found[1]], text)


def _is_open(month: SourceMonth | None, now: dt.datetime) -> bool:
    if month is None or month.state == MonthState.FAILED:
        return True
    if month.state != MonthState.MISSING:
        return False
    return month.missing_since is None or now - month.missing_since < MISSED_FOR


def _change(actor: Actor, source: Source, changes: dict[str, Any]) -> None:
    """Take over changes and check the whole."""
    if "profile" in changes:
        source.profile = _profile(actor, changes.pop("profile"))
    for name, value in changes.items():
        setattr(source, name, value)
    _check_template(source)
    check_schedule(source.schedule)
    source.next_run_at = _next_run(source, timezone.now())


def _check_template(source: Source) -> None:
    placeholders = {found[1] for found in PLACEHOLDERS.finditer(source.template)}
    names_months = "month" in placeholders or {"year", "mm"} <= placeholders
    if source.kind == SourceKind.MONTHS and not names_months:
        text = "The address of monthly files has {month}, or {year} and {mm}, in it."
        raise Invalid(errors=[FieldError(text, pointer="/template")])
    parse_target(address_of(source, dt.date(2024, 1, 1)), plain=True)


def _next_run(source: Source, now: dt.datetime) -> dt.datetime | None:
    return next_run(source.schedule, source.dataset.zone, now) if source.schedule else None


def _profile(actor: Actor, profile_id: uuid.UUID | None) -> Profile | None:
    if profile_id is None:
        return None
    profile = Profile.objects.visible_to(actor).filter(pk=profile_id).first()
    if profile is None:
        raise NotFound(f"There is no profile {profile_id}.")
    return profile


def _active(
    source: Source, months: Sequence[dt.date | None], *, dry_run: bool, force: bool
) -> dict[dt.date | None, Import]:
    """Return by month the import that does the same already, or will: it is not queued twice."""
    options = {"options__dry_run": dry_run, "options__force": force}
    same = Import.objects.filter(source=source, status__in=ACTIVE, **options)
    # The oldest last, so that it is the one that stays of several.
    return {row.month: row for row in same.order_by("-no") if row.month in months}


def _check(actor: Actor, dataset: Dataset, orders: Sequence[Order]) -> None:
    """Raise what an import of these orders would be refused for; months are read in one way, all of them."""
    check_room(0)
    if orders:
        check_documents(actor, orders[0].options)
    # The months of a source are bounded by their own number.
    if any(order.month is None for order in orders):
        check_queue(dataset)


def _options(source: Source, month: dt.date | None, *, dry_run: bool, force: bool) -> ImportOptions:
    profile = source.profile
    options = {
        "source": {"kind": SourceOf.URL, "url": address_of(source, month)},
        "mode": ImportMode.REPLACE if month is None else ImportMode.REPLACE_PARTITION,
        "partition": None if month is None else month_text(month),
        "member_pattern": _filled(source.member_pattern, month) if month else source.member_pattern,
        "mapping": profile.mapping if profile else None,
        "dialect": profile.dialect if profile else None,
        "duplicates": source.duplicates or DuplicatePolicy.KEEP_ALL,
        "reject_limit": source.reject_limit,
        "dry_run": dry_run,
        "force": force,
    }
    return ImportOptions.of(options)
