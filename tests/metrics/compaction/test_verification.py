"""What is stored is compared with itself, and what disagrees is named."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.accounts.models import AuditEntry, Notification
from apps.common import notices as registry
from apps.metrics import compaction, periodic
from apps.metrics.compaction import notices
from apps.metrics.compaction.bounds import bounds_of
from apps.metrics.models import Metric, MetricStat, PointChunk, PointSegment, Rollup, ShardDay
from apps.metrics.storage import checking
from apps.metrics.storage.partitions import start_of
from tests.factories.accounts import UserFactory
from tests.furniture.clock import NOON
from tests.metrics.compaction.stores import DAY_US, HOUR_US, Store, make_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

TODAY_US = start_of(NOON.date())


@pytest.fixture
def filled() -> Store:
    made = make_store()
    for day in range(3):
        made.write(
            [
                (number, TODAY_US - day * DAY_US + hour * HOUR_US, hour / 3)
                for number in made.numbers
                for hour in range(12)
            ]
        )
    compaction.compact_everything()
    return made


def run(command: str, **options: Any) -> tuple[dict[str, Any], int]:
    """Return what a command reports, and its exit code."""
    output = StringIO()
    try:
        call_command(command, json=True, stdout=output, **options)
    except SystemExit as ended:
        return json.loads(output.getvalue()), int(str(ended.code))
    return json.loads(output.getvalue()), 0


def change(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        assert cursor.rowcount == 1


def test_what_was_compacted_agrees_with_itself(filled: Store) -> None:
    filled.write([(filled.numbers[0], TODAY_US, 1.0)])
    report, code = run("metrics_verify")
    assert (report["findings"], code) == ([], 0)
    assert (report["metric_days"], report["segments"]) == (9, 1)


def test_a_flipped_byte_is_named_by_metric_and_day_and_all_else_agrees(filled: Store) -> None:
    change(
        "UPDATE metrics_point_chunk SET payload = set_byte(payload, 20, get_byte(payload, 20) # 1)"
        " WHERE number = %s AND day = %s",
        filled.numbers[1],
        NOON.date(),
    )
    report, code = run("metrics_verify")
    (finding,) = report["findings"]
    assert code == 3
    assert (finding["kind"], finding["metric"], finding["day"]) == ("payload", "m1", "2026-01-14")


@pytest.mark.parametrize(
    "column", ["point_count = 99", "first_at = first_at - 1", "last_at = last_at + 1", "max_value = 1e9"]
)
def test_what_is_said_of_a_part_is_compared_with_its_points(filled: Store, column: str) -> None:
    change(
        f"UPDATE metrics_point_chunk SET {column} WHERE number = %s AND day = %s",
        filled.numbers[0],
        NOON.date(),
    )
    report, code = run("metrics_verify")
    assert code == 3
    assert {"payload"} <= {finding["kind"] for finding in report["findings"]} <= {"payload", "day_count"}


@pytest.mark.parametrize(
    "column",
    [
        "point_count = point_count + 1",
        "sum_parts = sum_parts || 1e-300::float8",
        "max = max + 1",
        "first = 7",
        "last_at = last_at + 1",
        "sketch = sketch || '\\x00'::bytea",
    ],
)
def test_a_rollup_that_differs_by_one_bit_is_named_and_written_anew(filled: Store, column: str) -> None:
    start_at = TODAY_US + 5 * HOUR_US
    before = filled.rollup_rows()
    change(
        f"UPDATE metrics_rollup SET {column} WHERE number = %s AND width_s = 3600 AND start_at = %s",
        filled.numbers[2],
        start_at,
    )
    report, code = run("metrics_verify", match="m2")
    assert code == 3
    (finding,) = report["findings"]
    assert (finding["metric"], finding["bucket"], finding["width_s"]) == ("m2", "2026-01-14T05:00:00Z", 3600)
    report, code = run("metrics_verify", rewrite=True)
    assert (report["rewritten"], code) == (1, 3)
    assert filled.rollup_rows() == before
    assert run("metrics_verify")[1] == 0


def test_a_missing_and_a_superfluous_rollup_are_found(filled: Store) -> None:
    change(
        "UPDATE metrics_rollup SET start_at = start_at + 900000000 WHERE number = %s AND width_s = 900"
        " AND start_at = %s",
        filled.numbers[0],
        TODAY_US,
    )
    report, _ = run("metrics_verify")
    assert [finding["bucket"] for finding in report["findings"]] == [
        "2026-01-14T00:00:00Z",
        "2026-01-14T00:15:00Z",
    ]


def test_wrong_counts_ends_and_owners_are_found(filled: Store) -> None:
    a, b, c = filled.numbers
    ShardDay.objects.filter(day=NOON.date()).update(point_count=1)
    MetricStat.objects.filter(number=a).update(last_value=77.0)
    MetricStat.objects.filter(number=b).delete()
    Metric.objects.filter(number=c).delete()
    filled.write([(c, TODAY_US, 1.0)])
    report, code = run("metrics_verify")
    assert code == 3
    found = {(finding["kind"], finding["metric"]) for finding in report["findings"]}
    assert found == {("day_count", None), ("ends", "m0"), ("ends", "m1"), ("orphan", f"#{c}")}


def test_a_segment_is_compared_with_its_columns(filled: Store) -> None:
    filled.write([(filled.numbers[0], TODAY_US, 1.0)])
    PointSegment.objects.update(max_at=TODAY_US + 5)
    report, code = run("metrics_verify")
    assert (code, [finding["kind"] for finding in report["findings"]]) == (3, ["payload"])


def test_lost_points_of_days_that_nothing_takes_are_missed(filled: Store) -> None:
    PointChunk.objects.filter(number=filled.numbers[0], day=NOON.date()).delete()
    report, _ = run("metrics_verify")
    assert {finding["kind"] for finding in report["findings"]} == {"rollup", "day_count"}
    before = filled.rollup_rows()
    assert run("rebuild_rollups")[1] == 0
    assert filled.rollup_rows() == before


def test_rollups_whose_points_retention_took_are_neither_missed_nor_touched(filled: Store) -> None:
    a = filled.numbers[0]
    old = TODAY_US - 60 * DAY_US
    filled.write([(a, old + hour * HOUR_US, 1.0) for hour in range(24)])
    compaction.compact_everything()
    day = bounds_of([filled.organization.pk])
    assert day
    PointChunk.objects.filter(day__lt=NOON.date().replace(month=1, day=1)).delete()
    ShardDay.objects.filter(day__lt=NOON.date().replace(month=1, day=1)).update(point_count=0)
    # A point that comes in by backfill is the only one with a raw form.
    filled.write([(a, old, 2.0)])
    compaction.compact_everything()
    before = filled.rollup_rows()
    assert run("metrics_verify") == ({"findings": [], "metric_days": 10, "segments": 0, "rewritten": 0}, 0)
    assert run("rebuild_rollups")[1] == 0
    assert filled.rollup_rows() == before
    assert Rollup.objects.get(number=a, width_s=3600, start_at=old).point_count == 2


def test_rebuilding_reports_what_differed_and_is_audited(filled: Store) -> None:
    before = filled.rollup_rows()
    Rollup.objects.filter(number=filled.numbers[0], start_at__lt=TODAY_US).update(min=-5.0)
    trial, code = run("rebuild_rollups", dry_run=True, match="m0", first="2026-01-13", last="2026-01-13")
    assert (len(trial["differing"]), trial["written"], code) == (24, False, 3)
    assert trial["differing"][0] == {"metric": "m0", "bucket": "2026-01-13T00:00:00Z", "width_s": 900}
    report, code = run("rebuild_rollups", organization=filled.organization.slug)
    assert (len(report["differing"]), code) == (48, 3)
    assert filled.rollup_rows() == before
    (entry,) = AuditEntry.objects.filter(verb="metrics.rebuilt")
    assert entry.changes == {"rollups": 48, "metrics": 1}
    assert run("rebuild_rollups") == ({"differing": [], "written": True}, 0)


def test_a_rebuilt_day_is_marked_as_changed(filled: Store) -> None:
    epochs = dict(ShardDay.objects.values_list("day", "epoch"))
    Rollup.objects.filter(start_at=TODAY_US).update(min=-5.0)
    run("rebuild_rollups")
    changed = {day for day, epoch in ShardDay.objects.values_list("day", "epoch") if epoch != epochs[day]}
    assert changed == {NOON.date()}


def test_a_sample_looks_at_some_metric_days(filled: Store) -> None:
    report, code = run("metrics_verify", sample=50)
    assert code == 0
    assert 1 <= report["metric_days"] <= 9
    assert checking.random_metric_days(5, []) == {}


@pytest.mark.parametrize(
    "options",
    [
        {"organization": "nobody"},
        {"match": "nothing*"},
        {"first": "yesterday"},
        {"first": "2026-01-14", "last": "2026-01-12"},
    ],
)
def test_wrong_options_end_with_2(filled: Store, options: dict[str, str]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("metrics_verify", **options)
    assert refused.value.returncode == 2


def test_the_clock_tells_staff_of_differences_once_a_day(filled: Store) -> None:
    for kind in notices.NOTICES:
        registry.register_notice(kind)
    operator = UserFactory.create(is_staff=True)
    periodic.verify_sample()
    assert not Notification.objects.exists()
    Rollup.objects.update(min=-5.0)
    periodic.verify_sample()
    periodic.verify_sample()
    notice = Notification.objects.get()
    assert notice.user == operator
    assert "m" in notice.body
