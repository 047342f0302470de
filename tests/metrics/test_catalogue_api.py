"""Metrics are listed, looked at, created and changed over the API, each by who may."""

import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.accounts.models import AuditEntry, Notification
from apps.metrics import services
from apps.metrics.catalog import policy_of
from apps.metrics.errors import ReservedName
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric, Shard
from tests.factories.metrics import create_metric, keep, send
from tests.furniture.people import Actors, Person

pytestmark = pytest.mark.django_db

LIST = "/api/v1/metrics"
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def post(person: Person, **body: Any) -> Any:
    return person.api.post(LIST, body, format="json")


def patch(person: Person, row: Metric, /, **body: Any) -> Any:
    return person.api.patch(f"{LIST}/{row.pk}", body, format="json")


def keys(person: Person, query: str) -> list[str]:
    answer = person.api.get(f"{LIST}?{query}")
    assert answer.status_code == 200, answer.content
    return [row["metric"] for row in answer.json()["results"]]


def fault(answer: Any) -> tuple[int, str, list[tuple[str | None, str]]]:
    body = answer.json()
    places = [(item.get("pointer") or item.get("parameter"), item["code"]) for item in body.get("errors", ())]
    return answer.status_code, body["code"], places


class TestCreating:
    def test_a_new_metric_is_shown_whole_at_its_address(self, actors: Actors) -> None:
        made = post(
            actors.analyst, metric="cpu.load;zone=b", type="value", tags={"host": "a"}, description="Load",
            unit="%",
        )  # fmt: skip

        assert made.status_code == 201
        body = made.json()
        row = Metric.objects.get()
        assert body == {
            "id": str(row.pk),
            "metric": "cpu.load;host=a;zone=b",
            "name": "cpu.load",
            "tags": {"host": "a", "zone": "b"},
            "type": "value",
            "unit": "%",
            "description": "Load",
            "raw_days": None,
            "rollup_days": None,
            "created_at": body["created_at"],
            "first_at": None,
            "last_at": None,
            "last_value": None,
            "last_received_at": None,
        }
        assert made["Location"].endswith(f"{LIST}/{row.pk}")
        assert actors.viewer.api.get(made["Location"]).json() == body
        assert Shard.objects.get().shard_id == row.shard_id
        assert AuditEntry.objects.get(verb="metrics.created").target_id == str(row.pk)

    def test_a_name_is_taken_once_however_it_is_spelt(self, actors: Actors) -> None:
        assert post(actors.analyst, metric="cafe\u0301", type="value").status_code == 201

        assert fault(post(actors.analyst, metric="caf\u00e9", type="counter"))[:2] == (
            409,
            "metrics.name_taken",
        )
        assert post(actors.stranger, metric="caf\u00e9", type="counter").status_code == 201

    def test_case_and_tags_tell_metrics_apart(self, actors: Actors) -> None:
        for name in ("Cpu", "cpu", "cpu;host=a"):
            assert post(actors.analyst, metric=name, type="value").status_code == 201
        assert keys(actors.viewer, "") == ["Cpu", "cpu", "cpu;host=a"]

    @pytest.mark.parametrize(
        ("body", "status", "code", "pointer"),
        [
            ({"metric": "", "type": "value"}, 422, "metrics.invalid_name", "/metric"),
            ({"metric": " a", "type": "value"}, 422, "metrics.invalid_name", "/metric"),
            ({"metric": "x" * 256, "type": "value"}, 422, "metrics.invalid_name", "/metric"),
            ({"metric": "a", "type": "value", "tags": {"a b": "c"}}, 422, "metrics.invalid_tags", "/tags"),
            ({"metric": "a;b", "type": "value"}, 422, "metrics.invalid_tags", "/metric"),
            ({"metric": "a", "type": "gauge"}, 422, "request.invalid", "/type"),
            ({"metric": "a"}, 422, "request.invalid", "/type"),
            ({"metric": "a", "type": "value", "unit": "x" * 33}, 422, "request.invalid", "/unit"),
            ({"metric": "a", "type": "value", "raw_days": 30}, 422, "request.invalid", "/raw_days"),
        ],
    )
    def test_what_cannot_be_is_refused_by_name(
        self, actors: Actors, body: dict[str, Any], status: int, code: str, pointer: str
    ) -> None:
        found = fault(post(actors.analyst, **body))
        assert found[:2] == (status, code)
        assert [place for place, _ in found[2]] == [pointer]
        assert not Metric.objects.exists()

    def test_the_longest_name_is_taken(self, actors: Actors) -> None:
        assert post(actors.analyst, metric="\U0001f600" * 255, type="value").status_code == 201

    def test_who_may_only_look_creates_nothing(self, actors: Actors) -> None:
        assert fault(post(actors.viewer, metric="a", type="value"))[:2] == (403, "permission.denied")
        assert post(actors.anonymous, metric="a", type="value").status_code == 401
        assert post(actors.key, metric="a", type="value").status_code == 201

    def test_over_the_limit_admins_are_told_once_a_day_and_known_metrics_stay(self, actors: Actors) -> None:
        policy = policy_of(actors.organization.pk)
        policy.max_metrics = 1
        policy.save()
        assert actors.admin.user
        assert post(actors.analyst, metric="a", type="value").status_code == 201

        for name in ("b", "c"):
            assert fault(post(actors.analyst, metric=name, type="value"))[:2] == (422, "metrics.series_limit")

        assert [row.user for row in Notification.objects.all()] == [actors.admin.user]
        assert keys(actors.viewer, "") == ["a"]

    def test_a_new_metric_goes_to_the_lane_of_its_key(self, actors: Actors) -> None:
        policy = policy_of(actors.organization.pk)
        policy.lanes = 4
        policy.save()
        for number in range(20):
            assert post(actors.analyst, metric=f"m{number}", type="value").status_code == 201
        used = set(Metric.objects.values_list("shard_id", flat=True))
        assert used == set(Shard.objects.values_list("shard_id", flat=True))
        assert len(used) == 4

    def test_names_of_the_installations_own_figures_are_reserved(self, actors: Actors) -> None:
        actors.organization.slug = "system"
        with pytest.raises(ReservedName):
            services.create_metric(actor=actors.admin.actor, metric="sextant.x", type=MetricType.VALUE)


class TestFinding:
    @pytest.mark.parametrize(
        "key", ["a/b", "a b", "p%3Bq", "über", "x;k=1/2", "x;k=a%3Bb", "x;k=a\nb", "a?b#c", "a.b/points"]
    )
    def test_a_metric_is_found_by_id_and_by_key(self, actors: Actors, key: str) -> None:
        row = create_metric(actors.organization, key)
        for text in (str(row.pk), row.key):
            found = actors.viewer.api.get(f"{LIST}/{quote(text, safe='')}")
            assert found.status_code == 200, text
            assert found.json()["id"] == str(row.pk)

    def test_the_order_of_tags_does_not_matter(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "x;a=1;b=2")
        assert actors.viewer.api.get(f"{LIST}/x;b=2;a=1").json()["id"] == str(row.pk)

    def test_a_name_that_looks_like_an_id_is_found(self, actors: Actors) -> None:
        name = "018f3c3e-0000-7000-8000-000000000000"
        row = create_metric(actors.organization, name)
        assert actors.viewer.api.get(f"{LIST}/{name}").json()["id"] == str(row.pk)

    @pytest.mark.parametrize("word", ["tags", "query", "export"])
    def test_fixed_words_win_over_names(self, actors: Actors, word: str) -> None:
        row = create_metric(actors.organization, word)
        assert actors.viewer.api.get(f"{LIST}/{word}").json().get("id") is None
        assert actors.viewer.api.get(f"{LIST}/{row.pk}").json()["metric"] == word

    @pytest.mark.parametrize(
        "text", ["nothing", "a;b", "%00", "x" * 300, "018f3c3e-0000-7000-8000-000000000000"]
    )
    def test_what_is_not_there_is_404(self, actors: Actors, text: str) -> None:
        assert actors.viewer.api.get(f"{LIST}/{text}").status_code == 404

    def test_a_stranger_finds_nothing(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "cpu")
        for text in (str(row.pk), "cpu"):
            assert actors.stranger.api.get(f"{LIST}/{text}").status_code == 404
        assert patch(actors.stranger, row, unit="x").status_code == 404
        assert keys(actors.stranger, "") == []
        assert actors.anonymous.api.get(f"{LIST}/cpu").status_code == 401

    def test_a_deleted_metric_is_gone(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "cpu", deleted_at=timezone.now())
        assert actors.viewer.api.get(f"{LIST}/{row.pk}").status_code == 404
        assert actors.viewer.api.get(f"{LIST}/cpu").status_code == 404
        assert keys(actors.viewer, "") == []

    def test_an_unknown_parameter_is_refused(self, actors: Actors) -> None:
        create_metric(actors.organization, "cpu")
        answer = actors.viewer.api.get(f"{LIST}/cpu?nonsense=1")
        assert fault(answer) == (422, "request.invalid", [("nonsense", "unknown_parameter")])


class TestSimpleForm:
    def test_a_window_adds_the_series_by_bucket(self, actors: Actors) -> None:
        hits = create_metric(actors.organization, "hits", MetricType.COUNTER)
        send([(hits, NOON, 2.0), (hits, NOON, 3.0), (hits, NOON + dt.timedelta(hours=2), 4.0)])
        window = {"from": "2026-03-01T12:00:00Z", "to": "2026-03-01T15:00:00Z"}

        body = actors.viewer.api.get(f"{LIST}/hits", {**window, "fill": "zero"}).json()

        assert body["metric"] == "hits"
        assert (body["interval"], body["aggregation"]) == ("hour", "sum")
        assert body["data"] == [
            {"bucket": "2026-03-01T12:00:00Z", "value": 5},
            {"bucket": "2026-03-01T13:00:00Z", "value": 0},
            {"bucket": "2026-03-01T14:00:00Z", "value": 4},
        ]
        assert body["summary"] == {"total_points": 3, "buckets": 3}
        assert "data" not in actors.viewer.api.get(f"{LIST}/hits").json()

    def test_fields_and_a_window_go_together(self, actors: Actors) -> None:
        create_metric(actors.organization, "hits")
        body = actors.viewer.api.get(f"{LIST}/hits?fields=metric&from=2026-03-01&to=2026-03-01").json()
        assert body["metric"] == "hits"
        assert body["data"] == []
        assert "unit" not in body

    @pytest.mark.parametrize(
        ("query", "name", "code"),
        [
            ("interval=hour", "from", "required"),
            ("from=", "from", "blank"),
            ("from=soon", "from", "invalid"),
            ("from=-6h&interval=3x", "interval", "invalid"),
            ("from=-6h&color=red", "color", "unknown_parameter"),
            ("from=-6h&fields=color", "fields", "unknown_field"),
        ],
    )
    def test_what_cannot_be_asked_is_named(self, actors: Actors, query: str, name: str, code: str) -> None:
        create_metric(actors.organization, "hits")
        answer = actors.viewer.api.get(f"{LIST}/hits?{query}")
        assert fault(answer) == (422, "request.invalid", [(name, code)])


class TestEnds:
    def test_of_one_metric_they_are_exact_and_in_lists_as_of_the_last_compaction(
        self, actors: Actors
    ) -> None:
        cpu, other = (create_metric(actors.organization, name) for name in ("cpu", "other"))
        earlier, later = NOON - dt.timedelta(hours=1), NOON + dt.timedelta(hours=1)
        keep(cpu, [(NOON, 1.5)], received_at=NOON)
        send([(cpu, earlier, 7.25), (other, earlier, 9.0)], received_at=later)
        send([(cpu, later, 3.0), (cpu, later, 2.0)], received_at=earlier)
        send([(other, later, 4.0)], received_at=later + dt.timedelta(hours=1))

        one = actors.viewer.api.get(f"{LIST}/cpu").json()
        listed = actors.viewer.api.get(f"{LIST}?prefix=cpu").json()["results"][0]

        names = ("first_at", "last_at", "last_value", "last_received_at")
        assert [one[name] for name in names] == [
            "2026-03-01T11:00:00Z", "2026-03-01T13:00:00Z", 3, "2026-03-01T13:00:00Z",
        ]  # fmt: skip
        assert [listed[name] for name in names] == [
            "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", 1.5, "2026-03-01T12:00:00Z",
        ]  # fmt: skip

    def test_points_dated_ahead_move_the_last_instant_and_not_that_of_receipt(self, actors: Actors) -> None:
        cpu = create_metric(actors.organization, "cpu")
        send([(cpu, NOON + dt.timedelta(days=3), 1.0)], received_at=NOON)
        found = actors.viewer.api.get(f"{LIST}/cpu").json()
        assert found["last_at"] == "2026-03-04T12:00:00Z"
        assert found["last_received_at"] == "2026-03-01T12:00:00Z"

    def test_many_pending_segments_are_all_looked_at(self, actors: Actors) -> None:
        cpu = create_metric(actors.organization, "cpu")
        for number in range(450):
            send([(cpu, NOON + dt.timedelta(seconds=(number * 7) % 450), float(number))], received_at=NOON)
        found = actors.viewer.api.get(f"{LIST}/cpu").json()
        assert found["first_at"] == "2026-03-01T12:00:00Z"
        assert found["last_at"] == "2026-03-01T12:07:29Z"


class TestListing:
    def test_filters_narrow(self, actors: Actors) -> None:
        for key in ("a.x;host=a;zone=n", "a.y;host=b", "a_z;host=a", "b;host=c%3Bd"):
            create_metric(actors.organization, key)
        create_metric(actors.organization, "a.count", MetricType.COUNTER, description="Visits of pages")

        assert keys(actors.viewer, "prefix=a.") == ["a.count", "a.x;host=a;zone=n", "a.y;host=b"]
        assert keys(actors.viewer, "type=counter") == ["a.count"]
        assert len(keys(actors.viewer, "type=counter&type=value")) == 5
        assert keys(actors.viewer, "search=VISITS") == ["a.count"]
        assert keys(actors.viewer, "search=zone%3Dn") == ["a.x;host=a;zone=n"]
        assert keys(actors.viewer, "tag=host:a") == ["a.x;host=a;zone=n", "a_z;host=a"]
        assert keys(actors.viewer, "tag=host:a&tag=host:b") == [
            "a.x;host=a;zone=n",
            "a.y;host=b",
            "a_z;host=a",
        ]
        assert keys(actors.viewer, "tag=host:a&tag=zone:n") == ["a.x;host=a;zone=n"]
        assert keys(actors.viewer, "tag=host:c;d") == ["b;host=c%3Bd"]
        assert keys(actors.viewer, "tag=host:a&prefix=a.&type=value") == ["a.x;host=a;zone=n"]

    def test_patterns_narrow_as_in_queries(self, actors: Actors) -> None:
        for key in ("cpu.a.load", "cpu.b.load", "cpu.a.x.load", "cpu.a.load;host=web1", "disk;host=db"):
            create_metric(actors.organization, key)

        assert keys(actors.viewer, "match=cpu.*.load") == ["cpu.a.load", "cpu.b.load"]
        assert keys(actors.viewer, "match=cpu.**;host=web*&match=disk;*") == [
            "cpu.a.load;host=web1", "disk;host=db",
        ]  # fmt: skip
        assert keys(actors.viewer, "match=cpu.**;*&prefix=cpu.b") == ["cpu.b.load"]
        for wrong in ("x" * 256, "*a" * 17, "a["):
            answer = actors.viewer.api.get(LIST, {"match": wrong})
            assert fault(answer) == (422, "metrics.invalid_pattern", [("match", "metrics.invalid_pattern")])

    @pytest.mark.parametrize("wildcard", ["a%25", "a_", "a\\"])
    def test_a_prefix_is_taken_literally(self, actors: Actors, wildcard: str) -> None:
        create_metric(actors.organization, "ab")
        assert keys(actors.viewer, f"prefix={wildcard}") == []

    @pytest.mark.parametrize(
        ("query", "name", "code"),
        [
            ("tag=host", "tag", "invalid"),
            ("tag=:a", "tag", "invalid"),
            ("tag=host:", "tag", "invalid"),
            ("tag=", "tag", "blank"),
            ("type=gauge", "type", "invalid_choice"),
            ("prefix=", "prefix", "blank"),
            ("sort=value", "sort", "sort_invalid"),
            ("color=red", "color", "unknown_parameter"),
        ],
    )
    def test_strange_parameters_are_refused(self, actors: Actors, query: str, name: str, code: str) -> None:
        assert fault(actors.viewer.api.get(f"{LIST}?{query}")) == (422, "request.invalid", [(name, code)])

    @pytest.mark.parametrize(
        "sort", ["metric", "-metric", "created_at", "last_received_at", "-last_received_at"]
    )
    def test_pages_follow_each_other_over_equal_values(self, actors: Actors, sort: str) -> None:
        rows = [create_metric(actors.organization, name) for name in "dbaec"]
        for row in rows[:3]:
            keep(row, [(NOON, 1.0)], received_at=NOON)
        Metric.objects.update(created_at=NOON)
        whole = keys(actors.viewer, f"sort={sort}")
        assert sorted(whole) == list("abcde")

        seen: list[str] = []
        address: str | None = f"{LIST}?sort={sort}&page_size=2"
        while address:
            page = actors.viewer.api.get(address).json()
            seen += [row["metric"] for row in page["results"]]
            last, address = page, page["next"]
        before = actors.viewer.api.get(last["previous"]).json()["results"]

        assert seen == whole
        assert [row["metric"] for row in before] == whole[2:4]

    def test_a_cursor_is_bound_to_sort_and_filters(self, actors: Actors) -> None:
        for name in "abc":
            create_metric(actors.organization, name)
        address = actors.viewer.api.get(f"{LIST}?page_size=1").json()["next"]
        assert fault(actors.viewer.api.get(f"{address}&prefix=a"))[:2] == (400, "request.cursor_invalid")


class TestChanging:
    def test_words_change_and_the_catalog_moves(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "cpu")

        changed = patch(actors.analyst, row, description="Load", unit="%")

        assert changed.status_code == 200
        assert (changed.json()["description"], changed.json()["unit"]) == ("Load", "%")
        assert Shard.objects.get().catalog_version == 1
        assert AuditEntry.objects.get(verb="metrics.changed").changes == {"description": "Load", "unit": "%"}
        assert patch(actors.analyst, row, unit="%").status_code == 200
        assert Shard.objects.get().catalog_version == 1

    def test_retention_takes_the_permission_to_retain(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "cpu")
        assert fault(patch(actors.analyst, row, raw_days=30))[:2] == (403, "permission.denied")

        changed = patch(actors.manager, row, raw_days=30, rollup_days=400)

        assert (changed.json()["raw_days"], changed.json()["rollup_days"]) == (30, 400)
        entry = AuditEntry.objects.get(verb="metrics.changed")
        assert entry.changes == {"raw_days": 30, "rollup_days": 400}
        assert patch(actors.manager, row, raw_days=None).json()["raw_days"] is None

    @pytest.mark.parametrize(("days", "status"), [(8, 422), (9, 200)])
    def test_points_are_kept_a_day_longer_than_they_are_accepted(
        self, actors: Actors, days: int, status: int
    ) -> None:
        row = create_metric(actors.organization, "cpu")
        answer = patch(actors.manager, row, raw_days=days)
        assert answer.status_code == status
        if status == 422:
            assert fault(answer)[2] == [("/raw_days", "min_value")]

    def test_rollups_outlive_their_points(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "cpu")
        assert fault(patch(actors.manager, row, raw_days=30, rollup_days=29))[2] == [
            ("/rollup_days", "min_value")
        ]
        assert patch(actors.manager, row, raw_days=30, rollup_days=0).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [{"type": "counter"}, {"metric": "x"}, {"name": "x"}, {"tags": {}}, {"id": "x"}, {"last_value": 3}],
    )
    def test_identity_never_changes(self, actors: Actors, body: dict[str, Any]) -> None:
        row = create_metric(actors.organization, "cpu")
        assert fault(patch(actors.manager, row, unit="%", **body))[:2] == (409, "metrics.immutable")
        assert Metric.objects.get().unit == ""

    def test_what_a_metric_does_not_have_is_refused(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "cpu")
        answer = patch(actors.manager, row, colour="red")
        assert fault(answer) == (422, "request.invalid", [("/colour", "unknown_field")])

    def test_who_may_only_look_changes_nothing(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "cpu")
        assert patch(actors.viewer, row, unit="%").status_code == 403
        assert patch(actors.anonymous, row, unit="%").status_code == 401
        assert patch(actors.key, row, unit="%").status_code == 200

    def test_another_state_than_the_callers_is_not_overwritten(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "cpu")
        tag = actors.viewer.api.get(f"{LIST}/cpu")["ETag"]
        assert patch(actors.analyst, row, unit="%").status_code == 200
        body, path = {"unit": "s"}, f"{LIST}/{row.pk}"
        stale = actors.analyst.api.patch(path, body, format="json", headers={"If-Match": tag})
        assert stale.status_code == 412
        fresh = actors.viewer.api.get(f"{LIST}/cpu")["ETag"]
        assert (
            actors.analyst.api.patch(path, body, format="json", headers={"If-Match": fresh}).status_code
            == 200
        )

    def test_the_database_itself_refuses_another_type(self, actors: Actors) -> None:
        row = create_metric(actors.organization, "cpu")
        row.type = MetricType.COUNTER
        for change in (
            lambda: Metric.objects.filter(pk=row.pk).update(type=MetricType.COUNTER),
            lambda: Metric.objects.bulk_update([row], ["type"]),
            lambda: connection.cursor().execute("UPDATE metrics_metric SET type = 'counter'"),
            lambda: connection.cursor().execute("UPDATE metrics_metric SET key = 'disk', name = 'disk'"),
        ):
            with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
                change()
