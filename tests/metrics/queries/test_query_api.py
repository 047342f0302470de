"""The calls that read points, over HTTP."""

import datetime as dt
from typing import Any

import psycopg
import pytest
import time_machine
from django.db import connection

from apps.metrics.calendar.windows import instant_us
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric, PointSegment, Policy, Shard
from tests.furniture.clock import NOON
from tests.furniture.people import Actors
from tests.metrics.queries.stored import make_metric, write_compacted, write_pending

pytestmark = pytest.mark.django_db

QUERY = "/api/v1/metrics/query"
HOUR = 3_600_000_000
MIDNIGHT = instant_us(dt.datetime(2026, 1, 14, tzinfo=dt.UTC))
TODAY = {"from": "2026-01-14T00:00:00Z", "to": "2026-01-14T12:00:00Z"}


def ask(actors: Actors, status: int = 200, **parameters: Any) -> Any:
    headers = {"HTTP_IF_NONE_MATCH": parameters.pop("tag")} if "tag" in parameters else {}
    renamed = {"from" if name == "start" else name: value for name, value in parameters.items()}
    response = actors.viewer.api.get(QUERY, TODAY | renamed, **headers)
    assert response.status_code == status, response.content
    return response


def only(response: Any) -> dict[str, Any]:
    (series,) = response.json()["series"]
    found: dict[str, Any] = series
    return found


@pytest.fixture
def counter(actors: Actors, clock: time_machine.Traveller) -> Metric:
    """Give a counter with points in the first, second and fourth hour."""
    metric = make_metric(actors.organization, "jobs;host=a", MetricType.COUNTER)
    write_pending([(metric, [MIDNIGHT, MIDNIGHT + HOUR, MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR], [5, 1, 2, 4])])
    return metric


def test_buckets_come_as_columns_with_what_they_are(actors: Actors, counter: Metric) -> None:
    response = ask(actors, metric="jobs;host=a")
    assert response["Content-Type"] == "application/json"
    assert {name: value for name, value in response.json().items() if name != "series"} == {
        "from": "2026-01-14T00:00:00Z",
        "to": "2026-01-14T12:00:00Z",
        "interval": "hour",
        "zone": "UTC",
    }
    assert only(response) == {
        "metric": "jobs;host=a",
        "id": str(counter.pk),
        "type": "counter",
        "unit": "",
        "group": None,
        "aggregation": "sum",
        "exact": True,
        "relative_error": 0.0,
        "at": ["2026-01-14T00:00:00Z", "2026-01-14T01:00:00Z", "2026-01-14T03:00:00Z"],
        "values": [5, 3, 4],
        "partial": [],
    }


def test_a_counter_with_one_point_of_five_has_count_one_and_sum_five(actors: Actors, counter: Metric) -> None:
    found = ask(actors, metric="jobs;host=a", to="2026-01-14T01:00:00Z", aggregation="count,sum")
    assert [(each["aggregation"], each["values"]) for each in found.json()["series"]] == [
        ("count", [1]),
        ("sum", [5]),
    ]


@pytest.mark.parametrize(
    ("fill", "values"),
    [
        ("none", [3, 4]),
        ("null", [3, None, 4, None]),
        ("zero", [3, 0, 4, 0]),
        ("previous", [3, 3, 4, 4]),
    ],
)
def test_an_empty_bucket_is_what_fill_says(
    actors: Actors, counter: Metric, fill: str, values: list[int | None]
) -> None:
    window: dict[str, Any] = {"start": "2026-01-14T01:00:00Z", "to": "2026-01-14T05:00:00Z"}
    assert only(ask(actors, metric="jobs;host=a", fill=fill, **window))["values"] == values


def test_fill_previous_does_not_look_before_the_window(actors: Actors, counter: Metric) -> None:
    window: dict[str, Any] = {"start": "2026-01-14T02:00:00Z", "to": "2026-01-14T04:00:00Z"}
    assert only(ask(actors, metric="jobs;host=a", fill="previous", **window))["values"] == [None, 4]


def test_rate_divides_by_the_part_of_the_bucket_inside_the_window(actors: Actors, counter: Metric) -> None:
    found = only(ask(actors, metric="jobs;host=a", aggregation="rate", start="2026-01-14T00:59:50Z"))
    assert (found["at"][0], found["values"][0]) == ("2026-01-14T01:00:00Z", 3 / 3600)
    found = only(ask(actors, metric="jobs;host=a", aggregation="rate", to="2026-01-14T03:00:20Z"))
    assert (found["at"][-1], found["values"][-1]) == ("2026-01-14T03:00:00Z", 0.2)
    assert found["partial"] == ["2026-01-14T03:00:00Z"]


def test_only_counters_have_a_rate(actors: Actors, counter: Metric) -> None:
    make_metric(actors.organization, "load")
    found = ask(actors, 422, match="**;*", aggregation="rate").json()
    assert found["code"] == "metrics.not_applicable"
    assert "load" in found["detail"]


def test_gaps_are_runs_of_empty_buckets_after_the_first_point(actors: Actors, counter: Metric) -> None:
    hours = ["02:00:00", "03:00:00", "04:00:00", "12:00:00"]
    expected = [[f"2026-01-14T{hours[0]}Z", f"2026-01-14T{hours[1]}Z"]]
    expected.append([f"2026-01-14T{hours[2]}Z", f"2026-01-14T{hours[3]}Z"])
    window: dict[str, Any] = {"start": "2026-01-13T00:00:00Z"}
    assert only(ask(actors, metric="jobs;host=a", gaps="true", **window))["gaps"] == expected
    later: dict[str, Any] = {"start": "2026-01-14T05:00:00Z", "to": "2026-01-14T07:00:00Z"}
    found = only(ask(actors, metric="jobs;host=a", gaps="true", **later))
    assert found["gaps"] == [["2026-01-14T05:00:00Z", "2026-01-14T07:00:00Z"]]


def test_only_named_metrics_are_listed_without_points(actors: Actors, counter: Metric) -> None:
    make_metric(actors.organization, "idle")
    found = ask(actors, metric="idle", match="**;*").json()["series"]
    assert [(each["metric"], each["values"]) for each in found] == [("idle", []), ("jobs;host=a", [5, 3, 4])]
    assert [each["metric"] for each in ask(actors, match="**;*").json()["series"]] == ["jobs;host=a"]


def test_metrics_are_merged_by_tags_or_all_together(actors: Actors, counter: Metric) -> None:
    other = make_metric(actors.organization, "jobs;host=b", MetricType.COUNTER)
    bare = make_metric(actors.organization, "jobs", MetricType.COUNTER)
    write_compacted(other, [MIDNIGHT + 5], [100])
    write_pending([(bare, [MIDNIGHT + 6], [1000])])
    grouped = ask(actors, match="jobs;*", group_by="host").json()["series"]
    assert [(each["metric"], each["group"], each["values"][0]) for each in grouped] == [
        (None, {"host": None}, 1000),
        (None, {"host": "a"}, 5),
        (None, {"host": "b"}, 100),
    ]
    merged = only(ask(actors, match="jobs;*", group_by="all"))
    assert (merged["group"], merged["values"]) == ({}, [1105, 3, 4])


def test_types_do_not_mix_in_one_series(actors: Actors, counter: Metric) -> None:
    make_metric(actors.organization, "jobs;host=b")
    assert ask(actors, 422, match="jobs;*", group_by="all").json()["code"] == "metrics.mixed_types"
    assert ask(actors, 200, match="jobs;*", group_by="host").json()["series"]


def test_large_cancelling_values_sum_to_one_in_any_state(actors: Actors, clock: Any) -> None:
    metric = make_metric(actors.organization, "odd")
    write_compacted(metric, [MIDNIGHT], [1e16])
    write_pending([(metric, [MIDNIGHT + 1], [1])])
    write_compacted(metric, [MIDNIGHT + 2], [-1e16])
    assert only(ask(actors, metric="odd", aggregation="sum"))["values"] == [1]


def test_numbers_are_integers_where_they_are_integral_and_below_2_to_the_53(
    actors: Actors, clock: Any
) -> None:
    metric = make_metric(actors.organization, "numbers")
    write_pending([(metric, [MIDNIGHT, MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR], [3, 0.5, 2.0**53])])
    body = ask(actors, metric="numbers").content
    assert b'"values":[3,0.5,9007199254740992.0]' in body


def test_times_are_written_as_asked(actors: Actors, counter: Metric) -> None:
    found = ask(actors, metric="jobs;host=a", times="epoch_s").json()
    assert (found["from"], found["series"][0]["at"][0]) == (MIDNIGHT // 10**6, MIDNIGHT // 10**6)
    found = ask(actors, metric="jobs;host=a", times="epoch_ms").json()
    assert found["series"][0]["at"][:2] == [MIDNIGHT // 1000, (MIDNIGHT + HOUR) // 1000]


def test_csv_has_one_row_per_bucket_and_a_column_per_aggregation(actors: Actors, counter: Metric) -> None:
    response = ask(
        actors, metric="jobs;host=a", aggregation=["sum", "avg"], format="csv", to="2026-01-14T03:30:00Z"
    )
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response.content.decode().split("\r\n") == [
        "metric,at,sum,avg,partial",
        "jobs;host=a,2026-01-14T00:00:00Z,5,5,false",
        "jobs;host=a,2026-01-14T01:00:00Z,3,1.5,false",
        "jobs;host=a,2026-01-14T03:00:00Z,4,4,true",
        "",
    ]
    by_header = actors.viewer.api.get(QUERY, {**TODAY, "metric": "jobs;host=a"}, HTTP_ACCEPT="text/csv")
    assert by_header["Content-Type"] == "text/csv; charset=utf-8"


def test_a_question_may_come_as_json(actors: Actors, counter: Metric) -> None:
    body = {**TODAY, "metric": "jobs;host=a", "aggregation": ["sum"], "from": MIDNIGHT // 10**6}
    response = actors.viewer.api.post(QUERY, body, format="json")
    assert response.status_code == 200, response.content
    assert response.content == ask(actors, metric="jobs;host=a", aggregation="sum").content
    wrong = actors.viewer.api.post(QUERY, {**body, "zone": "Mars", "x": 1}, format="json").json()
    assert [item["pointer"] for item in wrong["errors"]] == ["/x"]
    wrong = actors.viewer.api.post(QUERY, {**body, "zone": "Mars"}, format="json").json()
    assert [item["pointer"] for item in wrong["errors"]] == ["/zone"]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"start": "2026-01-14T12:00:00Z"}, "to"),
        ({"start": "2026-01-14T13:00:00Z"}, "to"),
        ({"zone": "Europe/Atlantis"}, "zone"),
        ({"interval": "fortnight"}, "interval"),
        ({"aggregation": "median"}, "aggregation"),
        ({"aggregation": "p100.001"}, "aggregation"),
        ({"start": "yesterday"}, "from"),
        ({"fill": "linear"}, "fill"),
        ({"format": "arrow"}, "format"),
        ({"match": "a" * 256}, "match"),
        ({"match": "*a" * 17}, "match"),
        ({"group_by": "a,b,c,d,e"}, "group_by"),
        ({"nonsense": "1"}, "nonsense"),
    ],
)
def test_wrong_parameters_are_refused_by_name(
    actors: Actors, counter: Metric, parameters: dict[str, Any], named: str
) -> None:
    found = ask(actors, 422, **{"metric": "jobs;host=a", **parameters}).json()
    assert found["code"] == "request.invalid"
    assert {item["parameter"] for item in found["errors"]} == {named}


def test_a_query_names_metrics_or_a_pattern(actors: Actors, clock: Any) -> None:
    found = ask(actors, 422).json()
    assert [item["parameter"] for item in found["errors"]] == ["metric"]


def test_minutes_of_ninety_days_are_too_fine_and_15m_is_named(actors: Actors, counter: Metric) -> None:
    found = ask(actors, 422, metric="jobs;host=a", start="-90d", interval="minute").json()
    assert found["code"] == "metrics.interval_too_fine"
    assert "15m" in found["detail"]
    assert ask(actors, metric="jobs;host=a", start="-90d", interval="15m").status_code == 200


def test_more_than_a_million_values_are_refused(actors: Actors, clock: Any) -> None:
    metrics = [make_metric(actors.organization, f"m{number}") for number in range(14)]
    write_pending([(metric, [MIDNIGHT], [1]) for metric in metrics])
    wide: dict[str, Any] = {
        "start": "-100d",
        "interval": "15m",
        "aggregation": "sum,avg,min,max,count,first,last,p50",
    }
    assert ask(actors, 422, match="m*", fill="null", **wide).json()["code"] == "metrics.scan_limit"
    assert len(ask(actors, match="m*", **wide).json()["series"]) == 14 * 8


def test_more_than_a_thousand_series_are_refused(actors: Actors, clock: Any) -> None:
    metrics = [make_metric(actors.organization, f"m{number}") for number in range(126)]
    write_pending([(metric, [MIDNIGHT], [1]) for metric in metrics])
    eight = "sum,avg,min,max,count,first,last,p50"
    assert ask(actors, 422, match="m*", aggregation=eight).json()["code"] == "metrics.too_many_series"
    assert ask(actors, match="m*").status_code == 200


def test_a_statement_that_takes_too_long_is_503(actors: Actors, clock: Any) -> None:
    metric = make_metric(actors.organization, "slow")
    parameters = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
    parameters.pop("context", None)
    with psycopg.connect(**parameters) as other, connection.cursor() as cursor:
        other.execute("LOCK TABLE metrics_rollup IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SET LOCAL statement_timeout = 1000")
        response = ask(actors, 503, metric=metric.key)
    assert response.json()["code"] == "metrics.query_timeout"
    assert response["Retry-After"]


def test_strangers_see_nothing_and_nobody_is_asked_to_sign_in(actors: Actors, counter: Metric) -> None:
    parameters = {**TODAY, "metric": "jobs;host=a"}
    assert actors.stranger.api.get(QUERY, parameters).status_code == 404
    assert actors.anonymous.api.get(QUERY, parameters).status_code == 401
    assert actors.stranger.api.get(QUERY, {**TODAY, "match": "**;*"}).json()["series"] == []
    assert actors.key.api.get(QUERY, parameters).status_code == 200


def test_deleted_metrics_are_hidden_at_once(actors: Actors, counter: Metric) -> None:
    Metric.objects.filter(pk=counter.pk).update(deleted_at=NOON)
    assert ask(actors, 404, metric="jobs;host=a").json()["code"] == "metrics.metric_unknown"


# --- past raw retention


@pytest.fixture
def old(actors: Actors, clock: Any) -> Metric:
    """Give a metric whose points of 100 days ago are left in rollup rows only."""
    metric = make_metric(actors.organization, "old")
    at = MIDNIGHT - 100 * 24 * HOUR
    write_compacted(metric, [at + 60_000_000 * minute for minute in range(120)], range(120), with_raw=False)
    return metric


def test_a_window_in_the_past_grows_to_quarters(actors: Actors, old: Metric) -> None:
    window: dict[str, Any] = {"start": "2025-10-06T00:07:00Z", "to": "2025-10-06T01:20:00Z"}
    response = ask(actors, metric="old", aggregation="count", **window)
    assert (response.json()["from"], response.json()["to"]) == (
        "2025-10-06T00:00:00Z",
        "2025-10-06T01:30:00Z",
    )
    assert only(response)["values"] == [60, 30]
    assert only(response)["partial"] == ["2025-10-06T01:00:00Z"]


@pytest.mark.parametrize("asked", [{"interval": "minute"}, {"interval": "20m"}, {"exact": "true"}])
def test_what_needs_single_points_in_the_past_is_refused(actors: Actors, old: Metric, asked: Any) -> None:
    window: dict[str, Any] = {"start": "2025-10-06T00:00:00Z", "to": "2025-10-06T02:00:00Z"}
    found = ask(actors, 422, metric="old", **asked, **window).json()
    assert found["code"] == "metrics.raw_expired"
    assert found["earliest_from"] == "2025-10-16T00:00:00Z"
    assert "2025-10-16T00:00:00Z" in found["detail"]


def test_auto_keeps_to_what_the_past_can_answer(actors: Actors, old: Metric) -> None:
    window: dict[str, Any] = {"start": "2025-10-06T00:00:00Z", "to": "2025-10-06T02:00:00Z"}
    assert ask(actors, metric="old", interval="auto", **window).json()["interval"] == "15m"


def test_a_metric_may_keep_its_points_longer_than_the_policy(actors: Actors, old: Metric) -> None:
    window: dict[str, Any] = {"start": "2025-10-06T00:00:00Z", "to": "2025-10-06T02:00:00Z"}
    Metric.objects.filter(pk=old.pk).update(raw_days=200)
    assert ask(actors, metric="old", interval="minute", **window).status_code == 200
    Metric.objects.filter(pk=old.pk).update(raw_days=None)
    Policy.objects.create(
        organization=actors.organization,
        skew_past_s=604_800,
        skew_future_s=604_800,
        raw_days=300,
        max_metrics=9,
    )
    assert ask(actors, metric="old", interval="minute", **window).status_code == 200


# --- damaged payloads


def test_a_damaged_chunk_fails_by_metric_and_day_and_all_else_is_served(
    actors: Actors, counter: Metric
) -> None:
    metric = make_metric(actors.organization, "damaged")
    write_compacted(metric, [MIDNIGHT, MIDNIGHT - 24 * HOUR], [1, 2])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metrics_point_chunk SET payload = set_byte(payload, 30, get_byte(payload, 30) # 1)"
            " WHERE number = %s AND day = '2026-01-14'",
            [metric.number],
        )
        assert cursor.rowcount == 1
    found = ask(actors, 500, metric="damaged", interval="minute").json()
    assert (found["code"], found["metric"], found["day"]) == (
        "metrics.corrupt_payload",
        "damaged",
        "2026-01-14",
    )
    yesterday: dict[str, Any] = {"start": "2026-01-13", "to": "2026-01-13"}
    assert only(ask(actors, metric="damaged", interval="minute", **yesterday))["values"] == [2]
    assert only(ask(actors, metric="jobs;host=a", interval="minute"))["values"]
    assert only(ask(actors, metric="damaged"))["values"] == [1]  # rollup rows are whole


def test_a_damaged_sketch_is_named(actors: Actors, clock: Any) -> None:
    metric = make_metric(actors.organization, "damaged")
    write_compacted(metric, [MIDNIGHT], [1])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_rollup SET sketch = '\\x0100ff'")
    found = ask(actors, 500, metric="damaged", aggregation="p50").json()
    assert (found["code"], found["metric"], found["day"]) == (
        "metrics.corrupt_payload",
        "damaged",
        "2026-01-14",
    )


# --- tags


def test_a_late_point_changes_the_tag_of_its_own_day_only(
    actors: Actors, counter: Metric, valkey: Any
) -> None:
    write_compacted(counter, [MIDNIGHT - 24 * HOUR, MIDNIGHT - 48 * HOUR], [1, 1])
    days: list[dict[str, Any]] = [{"start": f"2026-01-{day}", "to": f"2026-01-{day}"} for day in (12, 13)]
    before = [ask(actors, metric=counter.key, **day) for day in days]
    write_pending([(counter, [MIDNIGHT - 20 * HOUR], [7])])
    assert ask(actors, 304, metric=counter.key, tag=before[0]["ETag"], **days[0]).content == b""
    after = ask(actors, metric=counter.key, tag=before[1]["ETag"], **days[1])
    assert only(after)["values"] == [1, 7]
    PointSegment.objects.filter(max_at__lt=MIDNIGHT).delete()
    write_compacted(counter, [MIDNIGHT - 20 * HOUR], [7])
    assert ask(actors, 304, metric=counter.key, tag=before[0]["ETag"], **days[0])
    compacted = ask(actors, metric=counter.key, **days[1])
    assert compacted["ETag"] not in {before[1]["ETag"], after["ETag"]}
    assert compacted.content == after.content


def test_a_kept_answer_is_given_again_without_reading_points(
    actors: Actors, counter: Metric, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(actors, metric=counter.key)
    (key,) = valkey.keys("*:metrics:query:*")
    assert 240 <= valkey.ttl(key) <= 330
    # Nothing that the tag depends on changes here; no sender could do this.
    PointSegment.objects.update(payload=b"gone")
    assert ask(actors, metric=counter.key).content == first.content
    Shard.objects.update(catalog_version=1)
    ask(actors, 500, metric=counter.key)


def test_an_answer_whose_window_moves_is_not_kept(actors: Actors, counter: Metric, valkey: Any) -> None:
    assert ask(actors, metric=counter.key, start="-12h")["ETag"]
    assert actors.viewer.api.get(QUERY, {"from": "2026-01-14", "metric": counter.key}).status_code == 200
    assert valkey.keys("*:metrics:query:*") == []


def test_without_valkey_questions_are_answered(actors: Actors, counter: Metric, settings: Any) -> None:
    settings.CACHE_URL = "redis://127.0.0.1:1/0"
    assert only(ask(actors, metric=counter.key))["values"] == [5, 3, 4]
