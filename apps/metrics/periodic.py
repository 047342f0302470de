"""The clocks of metrics; `config/schedule.py` says when each ticks. Two at once do no harm."""

import datetime as dt

from django.utils import timezone

from apps.common.locks import try_session_lock
from apps.metrics.compaction import notices, send_due
from apps.metrics.compaction.closing import close_days
from apps.metrics.compaction.rebuilding import Scope
from apps.metrics.compaction.reports import described_findings, finding_line
from apps.metrics.compaction.retention import run_retention
from apps.metrics.compaction.verification import verify
from apps.metrics.recording.own_points import own_points
from apps.metrics.storage import segments
from apps.metrics.storage.partitions import AHEAD_DAYS, DAY, ensure_partitions, has_partitions

SAMPLED_METRIC_DAYS = 200
EXAMPLES = 5


def compact_due() -> None:
    """Write down what waits in each shard, and ask workers to compact those that are due.

    Makes partitions if tomorrow has none: a new installation has not seen a night yet.
    """
    send_due()
    own_points.note("compaction_lag", segments.oldest_age_s())
    if not has_partitions(_today() + DAY):
        make_partitions()


def make_partitions() -> None:
    """Make the partitions of today and the next nine days."""
    today = _today()
    ensure_partitions(today + ahead * DAY for ahead in range(AHEAD_DAYS + 1))


def merge_days() -> None:
    """Lay out the days that are over as chunks."""
    with try_session_lock("metrics.merge_days") as held:
        if held:
            close_days(now=timezone.now())


def retention() -> None:
    """Drop points and rollups that are past."""
    with try_session_lock("metrics.retention") as held:
        if held:
            report = run_retention(now=timezone.now())
            own_points.add("retention_deleted", report.total().chunks.points)


def verify_sample() -> None:
    """Compare a sample of what is stored with itself; tell staff of differences."""
    now = timezone.now()
    findings = verify(scope=Scope(), now=now, sample=SAMPLED_METRIC_DAYS).findings
    if findings:
        notices.tell_staff_of_differences(
            count=len(findings),
            examples="\n".join(map(finding_line, described_findings(findings[:EXAMPLES]))),
            day=now.astimezone(dt.UTC).date(),
        )


def _today() -> dt.date:
    return timezone.now().astimezone(dt.UTC).date()
