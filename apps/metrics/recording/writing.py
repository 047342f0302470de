"""One transaction for the points of one request, or of several that came while the last one was written.

Requests whose metrics are all known cost one statement. A new metric, or one that this process does not know
any more, takes a transaction: the metrics are made in it, so that a request leaves both or neither.
"""

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import numpy.typing as npt
import uuid_utils.compat
from django.db import transaction

from apps.common import idempotency
from apps.common.errors import DomainError
from apps.metrics.catalog import Known, OrganizationNames, lane_of, names_of, policy_of, shard_id_of
from apps.metrics.codec.payloads import encode_segment
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Policy
from apps.metrics.points.names import split_key
from apps.metrics.queries.patterns import parse_pattern
from apps.metrics.recording.outcomes import Recorded, Submission
from apps.metrics.recording.resolving import Guess, Plan, plan
from apps.metrics.storage import writing
from apps.metrics.storage.faults import reach
from apps.metrics.storage.partitions import EPOCH
from apps.metrics.storage.writing import NewMetric, Segment

CREATED_SHOWN = 100
ATTEMPTS = 3

Outcome = Recorded | DomainError


class CatalogMoved(Exception):
    """A metric was deleted, restored or changed since this process looked."""


class SharedFailure(Exception):
    """Some members of a group cannot be stored; `places` says which."""

    def __init__(self, places: set[int]) -> None:
        super().__init__(places)
        self.places = places


def write_group(submissions: Sequence[Submission]) -> list[Outcome]:
    """Store the points of requests to one organization in one transaction; one outcome for each.

    A request that cannot be stored has its error as outcome, and the others are stored all the same.
    """
    written = _write_known(submissions)
    if written is not None:
        return written
    if len(submissions) == 1:
        return [_write_alone(submissions[0])]
    try:
        return list(_write_together(submissions))
    except SharedFailure as failure:
        return _write_apart(submissions, failure.places)


def _write_apart(submissions: Sequence[Submission], places: set[int]) -> list[Outcome]:
    """Store the others together, and those at these places one by one."""
    others = [each for place, each in enumerate(submissions) if place not in places]
    together = iter(write_group(others) if others else ())
    return [
        _write_alone(each) if place in places else next(together) for place, each in enumerate(submissions)
    ]


def _write_alone(submission: Submission) -> Outcome:
    try:
        (outcome,) = _write_together([submission])
    except DomainError as error:
        return error
    return outcome


# --- all metrics known


def _write_known(submissions: Sequence[Submission]) -> list[Outcome] | None:
    """Store requests of known metrics by one statement; None if it takes more than that."""
    names = names_of(submissions[0].organization_id)
    known, versions = names.known, names.versions
    if not all(key in known for each in submissions for key in each.parsed.batch.keys):
        return None
    plans = [plan(submission, known, _no_guess) for submission in submissions]
    try:
        is_repeated = _store_known(plans, versions)
    except CatalogMoved:
        return None
    reach("write.committed")
    return [
        each.error or _recorded(each, (), is_repeated=again)
        for each, again in zip(plans, is_repeated, strict=True)
    ]


def _store_known(plans: Sequence[Plan], versions: Mapping[int, int]) -> list[bool]:
    """Store what can be stored, and tell what was before; raises CatalogMoved.

    A transaction of its own only where requests count once: else one statement is one.
    """
    if not any(each.submission.claim for each in plans):
        _insert([each for each in plans if each.error is None], versions)
        return [False] * len(plans)
    with transaction.atomic():
        is_repeated = _claim([each.submission for each in plans])
        fresh = [each for each, again in zip(plans, is_repeated, strict=True) if not again and not each.error]
        _insert(fresh, versions)
    return is_repeated


def _no_guess(_key: str) -> MetricType:
    """Stand in for the guess of a type where all metrics exist."""
    return MetricType.VALUE


def _insert(plans: Sequence[Plan], versions: Mapping[int, int]) -> None:
    """Insert the points, if there are any; raises CatalogMoved."""
    plans = [each for each in plans if len(each.batch)]
    segments = _segments(plans) if plans else []
    reach("write.before_commit")
    with transaction.atomic() if len(segments) > 1 else nullcontext():
        for segment in segments:
            version = versions.get(segment.shard_id)
            if version is None or not writing.insert_segment(segment, catalog_version=version):
                raise CatalogMoved


# --- the whole way


@dataclass(slots=True)
class Catalog:
    """What one transaction has found out about the metrics of its requests."""

    versions: dict[int, int]
    known: dict[str, Known]
    created: set[str]
    over_limit: set[str]


def _write_together(submissions: Sequence[Submission]) -> list[Recorded]:
    """Store requests in one transaction; raises SharedFailure, or for a single one its DomainError."""
    names = names_of(submissions[0].organization_id)
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                recorded = _write_in_transaction(submissions, names)
                reach("write.before_commit")
        except CatalogMoved:
            names.forget()
            continue
        reach("write.committed")
        return recorded
    raise CatalogMoved


def _write_in_transaction(submissions: Sequence[Submission], names: OrganizationNames) -> list[Recorded]:
    policy = policy_of(submissions[0].organization_id)
    catalog = _open_catalog(policy, names)
    _read(catalog, policy, _unknown_keys(submissions, catalog.known))
    guess = _guess_by(policy.counter_patterns, _unknown_keys(submissions, catalog.known))
    _make_missing(catalog, [plan(each, catalog.known, guess) for each in submissions], policy)
    plans = [plan(each, catalog.known, guess, catalog.over_limit) for each in submissions]
    _check(plans)
    is_repeated = _claim(submissions)
    stored = [each for each, again in zip(plans, is_repeated, strict=True) if len(each.batch) and not again]
    for segment in _segments(stored) if stored else ():
        if not writing.insert_segment(segment, catalog_version=catalog.versions[segment.shard_id]):
            raise CatalogMoved
    # Only what is committed may be remembered.
    transaction.on_commit(functools.partial(names.learn, catalog.versions, catalog.known))
    return [
        _recorded(each, catalog.created, is_repeated=again)
        for each, again in zip(plans, is_repeated, strict=True)
    ]


def _check(plans: Sequence[Plan]) -> None:
    """Raise the error of a single request, SharedFailure of several; CatalogMoved for vanished metrics."""
    failed = {place for place, each in enumerate(plans) if each.error is not None}
    if failed and len(plans) > 1:
        raise SharedFailure(failed)
    for each in plans:
        if each.error is not None:
            raise each.error
        if each.new:
            raise CatalogMoved  # gone between two statements


def _open_catalog(policy: Policy, names: OrganizationNames) -> Catalog:
    """Return what is known as of this transaction, with all lanes of the organization there."""
    organization_id = policy.organization_id
    lanes = {shard_id_of(organization_id, lane): lane for lane in range(policy.lanes)}
    versions = writing.ensure_shards(organization_id, lanes)
    is_current = names.versions == versions
    return Catalog(versions, dict(names.known) if is_current else {}, set(), set())


def _guess_by(patterns: Sequence[str], keys: Sequence[str]) -> Guess:
    """Return the function that tells the type of new metrics whose sender does not say it.

    Patterns are matched by the database, whose regular expressions take linear time whatever they are.
    """
    if not patterns or not keys:
        return _no_guess
    names = {key: key.partition(";")[0] for key in keys}
    expressions = [parse_pattern(pattern).key_regex for pattern in patterns]
    counted = writing.matching_texts(list(set(names.values())), expressions)
    return lambda key: MetricType.COUNTER if names.get(key) in counted else MetricType.VALUE


def _unknown_keys(submissions: Sequence[Submission], known: Mapping[str, Known]) -> list[str]:
    return list({key for each in submissions for key in each.parsed.batch.keys if key not in known})


def _make_missing(catalog: Catalog, plans: Sequence[Plan], policy: Policy) -> None:
    """Make the metrics that do not exist, as far as there is room."""
    wanted: dict[str, MetricType] = {}
    doors: dict[str, str] = {}
    for each in plans:
        for key, kind in each.new.items():
            wanted.setdefault(key, kind)
            doors.setdefault(key, each.submission.door)
    if not wanted:
        return
    missing = sorted(wanted)
    room = max(0, policy.max_metrics - writing.count_metrics(policy.organization_id))
    catalog.over_limit.update(missing[room:])
    fresh = [_new_metric(policy, key, wanted[key]) for key in missing[:room]]
    if fresh:
        catalog.created |= writing.insert_metrics(policy.organization_id, doors[fresh[0].key], fresh)
        _read(catalog, policy, missing[:room])


def _read(catalog: Catalog, policy: Policy, keys: Sequence[str]) -> None:
    if not keys:
        return
    for key, id_, number, shard_id, kind in writing.read_metrics(policy.organization_id, keys):
        catalog.known[key] = Known(id_, number, shard_id, MetricType(kind))


def _new_metric(policy: Policy, key: str, kind: MetricType) -> NewMetric:
    name, tags = split_key(key)
    shard_id = shard_id_of(policy.organization_id, lane_of(key, policy.lanes))
    return NewMetric(uuid_utils.compat.uuid7(), shard_id, name, tags, key, kind)


def _claim(submissions: Sequence[Submission]) -> list[bool]:
    """Return which requests were stored before, of those that count once; the others are marked as stored."""
    claims = [each.claim for each in submissions if each.claim is not None]
    fresh = iter(idempotency.claim_once(claims) if claims else ())
    return [each.claim is not None and not next(fresh) for each in submissions]


# --- both ways


def _segments(plans: Sequence[Plan]) -> list[Segment]:
    """Return one segment per shard with the points of all plans, sorted by (number, time, value)."""
    numbers = np.concatenate([_by_point(each, "number") for each in plans])
    times = np.concatenate([each.batch.times for each in plans])
    values = np.concatenate([each.batch.values for each in plans])
    order = np.lexsort((values, times, numbers))
    numbers, times, values = numbers[order], times[order], values[order]
    received_us = max(each.submission.received_at_us for each in plans)
    shard_ids = {metric.shard_id for each in plans for metric in each.known_metrics}
    if len(shard_ids) == 1:
        return [_segment(shard_ids.pop(), received_us, numbers, times, values)]
    homes = np.concatenate([_by_point(each, "shard_id") for each in plans])[order]
    segments = []
    for shard_id in sorted(shard_ids):
        own = homes == shard_id
        segments.append(_segment(shard_id, received_us, numbers[own], times[own], values[own]))
    return segments


def _by_point(each: Plan, name: str) -> npt.NDArray[np.int64]:
    """Return a whole number of each point's metric."""
    found = map(attrgetter(name), each.known_metrics)
    return np.fromiter(found, dtype=np.int64, count=len(each.metrics))[each.batch.key_index]


def _segment(
    shard_id: int, received_us: int, numbers: np.ndarray, times: np.ndarray, values: np.ndarray
) -> Segment:
    return Segment(
        shard_id=shard_id,
        received_at=EPOCH + dt.timedelta(microseconds=received_us),
        point_count=len(times),
        min_at=int(times.min()),
        max_at=int(times.max()),
        min_number=int(numbers[0]),
        max_number=int(numbers[-1]),
        payload=encode_segment(numbers, times, values),
    )


def _recorded(each: Plan, created: Sequence[str] | set[str], *, is_repeated: bool = False) -> Recorded:
    own = [key for key in each.batch.keys if key in created] if created else []
    return Recorded(
        batch=each.batch,
        metrics=each.known_metrics,
        created=own[:CREATED_SHOWN],
        refusals=each.refusals,
        item_count=each.submission.parsed.item_count,
        is_repeated=is_repeated,
    )
