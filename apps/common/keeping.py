"""What leaves when its time is over, and what goes with an organization. Each app registers its own rules.

    register_rule(row_rule("accounts.sessions", lambda now: Session.objects.filter(ends_at__lt=now - KEPT)))

One clock at night, and `manage.py prune`, run every app's rules.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone

from apps.common.errors import DomainError

DELETED_AT_ONCE: Final = 5_000

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeepingRule:
    """One kind of thing: how many are past their time at an instant, and how they are dropped.

    `drop` works in short transactions, returns how many it dropped, and may be killed anywhere and run again.
    """

    name: str
    count: Callable[[dt.datetime], int]
    drop: Callable[[dt.datetime], int]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became of one rule; `failed` ones are in the log."""

    rule: str
    count: int
    failed: bool = False


_rules: dict[str, KeepingRule] = {}
_purges: dict[str, Callable[[uuid.UUID], None]] = {}


def register_rule(rule: KeepingRule) -> None:
    """Add a rule; registering its name again replaces it."""
    _rules[rule.name] = rule


def row_rule(name: str, past: Callable[[dt.datetime], QuerySet[Any]]) -> KeepingRule:
    """Return the rule of rows that are simply deleted; `past` returns those whose time is over."""
    return KeepingRule(name, count=lambda now: past(now).count(), drop=lambda now: delete_rows(past(now)))


def delete_rows(rows: QuerySet[Any]) -> int:
    """Delete rows in batches, each a transaction; return how many, with what went along."""
    deleted = 0
    while ids := list(rows.order_by().values_list("pk", flat=True)[:DELETED_AT_ONCE]):
        deleted += rows.model._base_manager.filter(pk__in=ids).delete()[0]  # noqa: SLF001
    return deleted


def prune(*, now: dt.datetime, dry_run: bool = False) -> list[Pruned]:
    """Run every rule, or only count what it would drop. One that fails stops no other."""
    return [_run(rule, now, dry_run=dry_run) for rule in _rules.values()]


def prune_now() -> None:
    """Drop what is past its time; the clock at night. Twice at once does no harm."""
    prune(now=timezone.now())


def register_purge(name: str, purge: Callable[[uuid.UUID], None]) -> None:
    """Add what must happen before an organization's rows can go: data that no foreign key leads to.

    It may be killed anywhere and run again; raises DomainError if the organization cannot go yet.
    """
    _purges[name] = purge


def purge_products(organization_id: uuid.UUID) -> None:
    """Remove what the apps keep of an organization besides rows that go with it, upper apps first."""
    for purge in _purges.values():
        purge(organization_id)


def _run(rule: KeepingRule, now: dt.datetime, *, dry_run: bool) -> Pruned:
    try:
        count = rule.count(now) if dry_run else rule.drop(now)
    except (DatabaseError, DomainError, OSError):
        logger.exception("prune_failed", rule=rule.name)
        return Pruned(rule.name, 0, failed=True)
    if count and not dry_run:
        logger.info("pruned", rule=rule.name, count=count)
    return Pruned(rule.name, count)
