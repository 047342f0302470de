"""Every public write of metrics but that of points: create, change, policy, and what operators do."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common.errors import Conflict, Duplicate, FieldError, Invalid, NotFound
from apps.metrics import compaction
from apps.metrics.catalog import lane_of, policy_of, shard_id_of
from apps.metrics.compaction import Compacted, compact_shard
from apps.metrics.compaction.rebuilding import Scope, rebuild_rollups
from apps.metrics.compaction.reports import described_findings, finding_line
from apps.metrics.compaction.verification import verify
from apps.metrics.errors import InvalidName, InvalidTags, ReservedName, SeriesLimit
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric, Policy, Shard
from apps.metrics.notices import tell_series_limit
from apps.metrics.points.names import parse_key, split_key
from apps.metrics.queries.patterns import InvalidPattern, parse_pattern
from apps.metrics.topics import CREATED, UPDATED, announce_metric

DESCRIPTIVE: Final = frozenset({"description", "unit"})
RETENTION: Final = frozenset({"raw_days", "rollup_days"})
RESERVED_PREFIX: Final = "sextant."
DAY_S: Final = 86_400


class NameTaken(Duplicate):
    """A metric of this name and these tags exists already."""

    code = "metrics.name_taken"


class Immutable(Conflict):
    """Of a metric only description, unit and retention change.

    Its points are stored under its identity and read by its type.
    """

    code = "metrics.immutable"


class NothingToCompact(Conflict):
    """Nothing waits in the shard, or another compactor holds it."""

    code = "metrics.nothing_to_compact"


class NotHeld(Conflict):
    """Nobody holds the shard."""

    code = "metrics.shard_not_held"


def create_metric(
    *,
    actor: Actor,
    metric: str,
    type: MetricType,  # noqa: A002 - the product's word, on the wire and in the table
    tags: Mapping[str, str] | None = None,
    description: str = "",
    unit: str = "",
) -> Metric:
    """Create a metric before its first point; `metric` is its name, or its key with tags inside.

    Raises NameTaken, SeriesLimit, ReservedName, InvalidName and InvalidTags.
    """
    require(actor, "metrics.change")
    key = _key_of(metric, tags or {})
    name, own_tags = split_key(key)
    row = Metric(key=key, name=name, tags=own_tags, type=type, description=description, unit=unit)
    try:
        return _create_metric(actor, row)
    except SeriesLimit:
        # After the transaction that was rolled back, which would take the notice with it.
        tell_series_limit(actor.organization, now=timezone.now())
        raise


@transaction.atomic
def update_metric(*, actor: Actor, metric: Metric, changes: Mapping[str, Any]) -> Metric:
    """Change description, unit, raw_days or rollup_days, None for the policy's; return the changed row.

    `changes` is what is new by field, because a field that never changes is called `metric`, too.

    Raises Immutable for anything else, Forbidden for retention without the permission to retain, and Invalid
    for a retention that does not fit the policy.
    """
    if changes.keys() - DESCRIPTIVE - RETENTION:
        raise Immutable
    if not changes or DESCRIPTIVE & changes.keys():
        require(actor, "metrics.change")
    if RETENTION & changes.keys():
        require(actor, "metrics.retain")
    # Locked, so that of two changes at once the second is checked against what the first has left.
    row = Metric.objects.select_for_update().visible_to(actor).filter(pk=metric.pk).first()
    if row is None:
        raise NotFound
    fresh = {name: value for name, value in changes.items() if getattr(row, name) != value}
    for name, value in fresh.items():
        setattr(row, name, value)
    if RETENTION & fresh.keys():
        _check_retention(row, policy_of(row.organization_id))
    if fresh:
        row.save(update_fields=[*fresh, "updated_at"])
        _move_catalog(shard_id=row.shard_id)
        record_audit(actor=actor, verb="metrics.changed", target=row, changes=fresh)
        _announce(UPDATED, row, changed=sorted(fresh))
    return row


@transaction.atomic
def update_policy(*, actor: Actor, **changes: Any) -> Policy:
    """Change what holds for all metrics of the organization; returns the changed row.

    Raises Invalid where retention would not reach beyond the past skew.
    """
    require(actor, "metrics.configure")
    organization_id = actor.organization.pk
    policy_of(organization_id)
    # Locked, so that of two changes at once the second is checked against what the first has left.
    policy = Policy.objects.select_for_update().get(pk=organization_id)
    fresh = {name: value for name, value in changes.items() if getattr(policy, name) != value}
    for name, value in fresh.items():
        setattr(policy, name, value)
    _check_policy(policy)
    if fresh:
        policy.save(update_fields=list(fresh))
        # Answers that processes keep depend on what is kept for how long.
        _move_catalog(organization_id=organization_id)
        record_audit(actor=actor, verb="metrics.policy_changed", target=policy, changes=fresh)
    return policy


def compact_now(*, actor: Actor, shard: Shard) -> Compacted:
    """Compact a shard here and now, without a worker; raises NothingToCompact.

    Takes seconds, minutes where much waits. Each step is a transaction of its own, so this opens none around
    them.
    """
    require(actor, "metrics.configure")
    done = compact_shard(shard.pk, force=True)
    if done is None:
        raise NothingToCompact
    record_audit(actor=actor, verb="metrics.compacted", target=shard, changes={"points": done.points})
    return done


@transaction.atomic
def release_lease(*, actor: Actor, shard: Shard) -> None:
    """Let the next compactor claim a shard at once; whoever holds it then changes nothing any more.

    Raises NotHeld.
    """
    require(actor, "metrics.configure")
    if not compaction.release_lease(shard.pk):
        raise NotHeld
    record_audit(actor=actor, verb="metrics.lease_released", target=shard)


def rebuild_metric(*, actor: Actor, metric: Metric) -> int:
    """Recompute a metric's rollups from its points; return how many differed. What differed is audited.

    Raises LeaseLost if another holds the shard for too long.
    """
    require(actor, "metrics.configure")
    return len(rebuild_rollups(scope=_scope_of(metric), now=timezone.now()))


def verify_metric(*, actor: Actor, metric: Metric) -> list[str]:
    """Compare what is stored of a metric with itself; return what does not agree, a line each."""
    require(actor, "metrics.configure")
    findings = verify(scope=_scope_of(metric), now=timezone.now()).findings
    record_audit(actor=actor, verb="metrics.verified", target=metric, changes={"findings": len(findings)})
    return [finding_line(each) for each in described_findings(findings)]


def _scope_of(metric: Metric) -> Scope:
    return Scope(organization_id=metric.organization_id, numbers=(metric.number,))


def _key_of(metric: str, tags: Mapping[str, str]) -> str:
    """Return the key; the errors say which field is wrong."""
    try:
        return parse_key(metric, tuple(tags.items()))
    except (InvalidName, InvalidTags) as error:
        field = "metric" if isinstance(error, InvalidName) or not tags else "tags"
        item = FieldError(error.detail, code=error.code, pointer=f"/{field}")
        raise type(error)(error.detail, errors=[item]) from error


@transaction.atomic
def _create_metric(actor: Actor, row: Metric) -> Metric:
    organization = actor.organization
    if organization.is_system and actor.key != "system" and row.key.startswith(RESERVED_PREFIX):
        raise ReservedName
    policy = policy_of(organization.pk)
    # Two at once may both take the last place: the limit bounds what one process knows, it is no quota.
    if Metric.objects.visible_to(actor).count() >= policy.max_metrics:
        raise SeriesLimit(f"There is no room for the new metric {row.key}.")
    lane = lane_of(row.key, policy.lanes)
    row.organization = organization
    row.shard_id = shard_id_of(organization.pk, lane)
    shard = Shard(shard_id=row.shard_id, organization_id=organization.pk, lane=lane)
    Shard.objects.bulk_create([shard], ignore_conflicts=True)
    _insert(row)
    facts = {"metric": row.key, "type": row.type, "description": row.description, "unit": row.unit}
    record_audit(actor=actor, verb="metrics.created", target=row, changes=facts)
    _announce(CREATED, row)
    return row


def _insert(row: Metric) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "metrics_metric_key_unique" in str(error):
            raise NameTaken(f"The metric {row.key} exists already.") from error
        raise


def _check_retention(row: Metric, policy: Policy) -> None:
    """Raise Invalid unless a metric's retention fits the policy."""
    raw_days = policy.raw_days if row.raw_days is None else row.raw_days
    errors = [
        *_raw_faults(raw_days, policy.skew_past_s),
        *_rollup_faults("rollup_days", row.rollup_days, raw_days),
    ]
    if errors:
        raise Invalid(errors=errors)


def _check_policy(policy: Policy) -> None:
    """Raise Invalid unless retention reaches beyond the past skew, also that of metrics with their own."""
    errors = [
        *_raw_faults(policy.raw_days, policy.skew_past_s),
        *_rollup_faults("rollup_15m_days", policy.rollup_15m_days, policy.raw_days),
        *_rollup_faults("rollup_1h_days", policy.rollup_1h_days, policy.raw_days),
    ]
    for place, pattern in enumerate(policy.counter_patterns):
        errors += _pattern_faults(pattern, f"/counter_patterns/{place}")
    own = Metric.objects.living().filter(organization=policy.organization_id, raw_days__isnull=False)
    too_short = own.filter(raw_days__lt=least_raw_days(policy.skew_past_s)).order_by("key", "pk").first()
    if too_short is not None:
        detail = f"The metric {too_short.key} keeps its points for {too_short.raw_days} days only."
        errors.append(FieldError(detail, code="min_value", pointer="/skew_past_s"))
    if errors:
        raise Invalid(errors=errors)


def least_raw_days(skew_past_s: int) -> int:
    """Return for how many days points are kept at least; else one just accepted could be dropped."""
    return -(-skew_past_s // DAY_S) + 2


def _pattern_faults(pattern: str, pointer: str) -> list[FieldError]:
    try:
        parse_pattern(pattern)
    except InvalidPattern as error:
        return [FieldError(error.detail, code=error.code, pointer=pointer)]
    return []


def _raw_faults(raw_days: int, skew_past_s: int) -> list[FieldError]:
    least = least_raw_days(skew_past_s)
    if raw_days >= least:
        return []
    detail = f"Points are accepted from up to {skew_past_s} s ago: keep them for at least {least} days."
    return [FieldError(detail, code="min_value", pointer="/raw_days")]


def _rollup_faults(name: str, days: int | None, raw_days: int) -> list[FieldError]:
    """Return what is wrong with days of rollups, which never go before their points; 0 keeps them."""
    if not days or days >= raw_days:
        return []
    detail = (
        f"Rollups never go before their points, which are kept for {raw_days} days; 0 keeps them for ever."
    )
    return [FieldError(detail, code="min_value", pointer=f"/{name}")]


def _move_catalog(**shards: Any) -> None:
    """Let every process forget what it knows of the metrics of these shards."""
    Shard.objects.filter(**shards).update(catalog_version=F("catalog_version") + 1)


def _announce(type_: str, row: Metric, **facts: Any) -> None:
    announce_metric(
        type_, organization_id=row.organization_id, id=row.pk, metric=row.key, type=row.type, **facts
    )
