"""The policy of metrics: anybody looks, admins change, and retention always reaches beyond the skew."""

from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.metrics.catalog import policy_of
from apps.metrics.models import Policy, Shard
from tests.factories.metrics import create_metric
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db

POLICY = "/api/v1/metrics/policy"


def change(actors: Actors, **body: Any) -> Any:
    return actors.admin.api.patch(POLICY, body, format="json")


def test_it_starts_from_the_settings(actors: Actors) -> None:
    assert actors.viewer.api.get(POLICY).json() == {
        "skew_past_s": 604_800,
        "skew_future_s": 604_800,
        "raw_days": 90,
        "rollup_15m_days": 0,
        "rollup_1h_days": 0,
        "max_metrics": 200_000,
        "counter_patterns": [],
        "prometheus_counters": "delta",
        "lanes": 1,
    }
    assert actors.anonymous.api.get(POLICY).status_code == 401


def test_an_admin_changes_it_and_that_is_recorded(actors: Actors) -> None:
    create_metric(actors.organization, "cpu")
    body = {"raw_days": 30, "lanes": 4, "counter_patterns": ["*.count"], "prometheus_counters": "raw"}

    answer = change(actors, **body)

    assert answer.status_code == 200
    assert body.items() <= answer.json().items()
    assert actors.viewer.api.get(POLICY).json() == answer.json()
    assert AuditEntry.objects.get(verb="metrics.policy_changed").changes == body
    assert Shard.objects.get().catalog_version == 1


def test_nothing_is_recorded_where_nothing_changes(actors: Actors) -> None:
    assert change(actors, raw_days=90).status_code == 200
    assert not AuditEntry.objects.filter(verb="metrics.policy_changed").exists()


@pytest.mark.parametrize("name", ["manager", "analyst", "viewer", "key"])
def test_others_may_only_look(actors: Actors, name: str) -> None:
    assert actors[name].api.get(POLICY).status_code == 200
    assert actors[name].api.patch(POLICY, {"raw_days": 30}, format="json").status_code == 403


def test_another_organization_has_its_own(actors: Actors) -> None:
    change(actors, raw_days=30)
    assert actors.stranger.api.get(POLICY).json()["raw_days"] == 90
    assert Policy.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"raw_days": 8}, "/raw_days"),
        ({"skew_past_s": 89 * 86_400}, "/raw_days"),
        ({"raw_days": 30, "rollup_15m_days": 29}, "/rollup_15m_days"),
        ({"rollup_1h_days": 1}, "/rollup_1h_days"),
        ({"max_metrics": 0}, "/max_metrics"),
        ({"lanes": 1_025}, "/lanes"),
        ({"skew_future_s": -1}, "/skew_future_s"),
        ({"prometheus_counters": "both"}, "/prometheus_counters"),
        ({"counter_patterns": "*.count"}, "/counter_patterns"),
        ({"counter_patterns": ["*.count", "a["]}, "/counter_patterns/1"),
        ({"counter_patterns": ["?" * 17]}, "/counter_patterns/0"),
        ({"color": "red"}, "/color"),
    ],
)
def test_what_does_not_fit_is_refused(actors: Actors, body: dict[str, Any], pointer: str) -> None:
    answer = change(actors, **body)
    assert answer.status_code == 422
    assert [item["pointer"] for item in answer.json()["errors"]] == [pointer]
    assert policy_of(actors.organization.pk).raw_days == 90


@pytest.mark.parametrize(
    "body", [{"raw_days": 9}, {"skew_past_s": 88 * 86_400}, {"skew_past_s": 0, "raw_days": 2}]
)
def test_the_narrowest_fit_is_taken(actors: Actors, body: dict[str, Any]) -> None:
    assert change(actors, **body).status_code == 200


def test_a_metric_of_its_own_retention_bounds_the_skew(actors: Actors) -> None:
    create_metric(actors.organization, "cpu", raw_days=10)
    assert change(actors, skew_past_s=8 * 86_400).status_code == 200
    answer = change(actors, skew_past_s=8 * 86_400 + 1)
    assert [item["pointer"] for item in answer.json()["errors"]] == ["/skew_past_s"]


def test_another_state_than_the_callers_is_not_overwritten(actors: Actors) -> None:
    tag = actors.viewer.api.get(POLICY)["ETag"]
    change(actors, raw_days=30)
    stale = actors.admin.api.patch(POLICY, {"raw_days": 40}, format="json", headers={"If-Match": tag})
    assert stale.status_code == 412
    assert change(actors, raw_days=40).status_code == 200
