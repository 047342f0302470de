"""What the commands of metrics have in common: options, exit codes, which metrics are meant."""

import datetime as dt
import uuid
from argparse import ArgumentParser
from typing import Any, Final, NoReturn

from django.core.management.base import CommandError
from django.utils.dateparse import parse_date, parse_datetime

from apps.accounts.models import Organization
from apps.metrics.compaction.rebuilding import Scope
from apps.metrics.models import Metric
from apps.metrics.queries.patterns import InvalidPattern, matching
from apps.metrics.storage.partitions import DAY

FAILED: Final = 1
USAGE: Final = 2
DIFFERENCES: Final = 3


def add_common(parser: ArgumentParser) -> None:
    """Declare the options of every command."""
    parser.add_argument("--organization", help="slug; default: all")
    parser.add_argument("--json", action="store_true")


def add_scope(parser: ArgumentParser) -> None:
    """Declare the options that choose metrics and days."""
    add_common(parser)
    parser.add_argument("--match", help="pattern of keys, such as cpu.*")
    parser.add_argument("--from", dest="first", help="first UTC day, such as 2026-01-14")
    parser.add_argument("--to", dest="last", help="last UTC day; an instant ends before its day")


def scope_of(options: dict[str, Any]) -> Scope:
    """Return what the options choose; ends the command with 2 if there is no such thing."""
    organization_id = organization_of(options)
    first = _day(options["first"]) if options["first"] else None
    after = _day(options["last"]) if options["last"] else None
    if after is not None and parse_date(options["last"]):
        after += DAY  # a bare date includes that day
    if first is not None and after is not None and first >= after:
        refuse("--from lies behind --to.")
    return Scope(organization_id, _numbers(options["match"], organization_id), first, after)


def organization_of(options: dict[str, Any]) -> uuid.UUID | None:
    """Return the id of the organization that is named, None if none is."""
    slug = options["organization"]
    if not slug:
        return None
    organization = Organization.objects.living().filter(slug=slug).first()
    if organization is None:
        refuse(f"There is no organization {slug}.")
    return organization.pk


def refuse(reason: str) -> NoReturn:
    """End the command with 2."""
    raise CommandError(reason, returncode=USAGE)


def _numbers(pattern: str | None, organization_id: uuid.UUID | None) -> tuple[int, ...] | None:
    if not pattern:
        return None
    metrics = Metric.objects.living()
    if organization_id is not None:
        metrics = metrics.filter(organization=organization_id)
    try:
        found = tuple(matching(metrics, [pattern]).order_by("number").values_list("number", flat=True))
    except InvalidPattern as error:
        refuse(error.explain())
    if not found:
        refuse(f"No metric matches {pattern}.")
    return found


def _day(text: str) -> dt.date:
    try:
        day = parse_date(text)
        instant = None if day else parse_datetime(text)
    except ValueError:
        day = instant = None
    if day is None and instant is None:
        refuse(f"{text} is not a day.")
    return day or instant.astimezone(dt.UTC).date()  # type: ignore[union-attr]
