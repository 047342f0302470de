"""Findings in words, for commands and notices."""

from collections.abc import Iterable
from typing import Any

from apps.common.serializers import rfc3339
from apps.metrics.compaction.recomputing import Bucket
from apps.metrics.compaction.verification import Finding
from apps.metrics.models import Metric
from apps.metrics.storage.partitions import instant_of


def keys_of(numbers: Iterable[int | None]) -> dict[int, str]:
    """Return the keys of metrics by number, of deleted ones, too."""
    wanted = {number for number in numbers if number is not None}
    return dict(Metric.objects.filter(number__in=wanted).values_list("number", "key"))


def described_bucket(bucket: Bucket) -> dict[str, Any]:
    """Return a bucket's start and width."""
    return {"bucket": rfc3339(instant_of(bucket.start_at)), "width_s": bucket.width_s}


def described_findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings with the keys of their metrics; `number` where a metric is unknown."""
    listed = list(findings)
    keys = keys_of(finding.number for finding in listed)
    return [
        {
            "kind": str(finding.kind),
            "shard": finding.shard_id,
            "metric": None if finding.number is None else keys.get(finding.number, f"#{finding.number}"),
            "day": None if finding.day is None else finding.day.isoformat(),
            **({} if finding.bucket is None else described_bucket(finding.bucket)),
            "detail": finding.detail,
        }
        for finding in listed
    ]


def finding_line(finding: dict[str, Any]) -> str:
    """Return a described finding as a line of text."""
    subject = " ".join(str(finding[name]) for name in ("metric", "day", "bucket") if finding.get(name))
    width = f" ({finding['width_s']} s)" if "width_s" in finding else ""
    return f"{subject or finding['shard']}{width}: {finding['kind']}: {finding['detail']}"
