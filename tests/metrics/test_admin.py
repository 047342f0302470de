"""Staff look at metrics, shards, policies, partitions and doors in the admin and act by services."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import AuditEntry, User
from apps.metrics import figures
from apps.metrics.catalog import policy_of
from apps.metrics.models import Metric, PointChunk, PointSegment, Rollup, Shard
from apps.metrics.storage.partitions import ensure_partitions
from tests.factories.metrics import create_metric, send
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = timezone.now().replace(hour=0, minute=1)


@pytest.fixture
def staff(transactional_db: None) -> Client:
    user = User.objects.create(email="operator@example.com", name="Operator", is_staff=True)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def cpu(actors: Actors) -> Metric:
    ensure_partitions([TODAY.date()])
    row = create_metric(actors.organization, "cpu<b>")
    send([(row, TODAY, 1.0), (row, TODAY + dt.timedelta(minutes=20), 2.0)])
    return row


def act(staff: Client, model: str, action: str, row: Any) -> str:
    body = {"action": action, "_selected_action": [str(row.pk)]}
    answer = staff.post(f"/admin/metrics/{model}/", body, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_lists_and_details_show_what_there_is(actors: Actors, staff: Client, cpu: Metric) -> None:
    policy_of(actors.organization.pk)
    for model, row in (("metric", cpu), ("shard", Shard.objects.get()), ("policy", actors.organization)):
        listed = staff.get(f"/admin/metrics/{model}/")
        assert actors.organization.slug in listed.content.decode()
        assert staff.get(f"/admin/metrics/{model}/{row.pk}/change/").status_code == 200
    page = staff.get("/admin/metrics/metric/?q=cpu").content.decode()
    assert "cpu&lt;b&gt;" in page
    assert "cpu&lt;b&gt;" not in staff.get("/admin/metrics/metric/?q=disk").content.decode()
    seen = AuditEntry.objects.filter(organization_id=actors.organization.pk, verb="admin.viewed")
    assert {entry.target_id for entry in seen} >= {str(cpu.pk), str(Shard.objects.get().pk)}


def test_a_shard_is_compacted_at_once(actors: Actors, staff: Client, cpu: Metric) -> None:
    shard = Shard.objects.get()

    assert "Done for 1" in act(staff, "shard", "compact_now", shard)

    assert not PointSegment.objects.exists()
    assert PointChunk.objects.get().point_count == 2
    assert AuditEntry.objects.get(verb="metrics.compacted").changes == {"points": 2}
    assert "Nothing waits" in act(staff, "shard", "compact_now", shard)


def test_the_lease_of_a_compactor_that_hangs_is_released(staff: Client, cpu: Metric) -> None:
    until = timezone.now() + dt.timedelta(minutes=1)
    Shard.objects.update(lease_token=uuid.uuid4(), lease_until=until)
    shard = Shard.objects.get()
    assert "another compactor holds it" in act(staff, "shard", "compact_now", shard)

    assert "Done for 1" in act(staff, "shard", "release_lease", shard)

    shard.refresh_from_db()
    assert (shard.lease_token, shard.lease_until) == (None, None)
    assert AuditEntry.objects.get(verb="metrics.lease_released").target_id == str(shard.pk)
    assert "Nobody holds the shard" in act(staff, "shard", "release_lease", shard)
    assert "Done for 1" in act(staff, "shard", "compact_now", shard)


def test_a_metric_is_verified_and_what_is_wrong_rebuilt(staff: Client, cpu: Metric) -> None:
    act(staff, "shard", "compact_now", Shard.objects.get())
    assert "all agrees" in act(staff, "metric", "verify", cpu)
    Rollup.objects.filter(width_s=3_600).update(max=5.0)

    assert "rollup" in act(staff, "metric", "verify", cpu)
    assert "1 rollups were wrong" in act(staff, "metric", "rebuild", cpu)
    assert "all agrees" in act(staff, "metric", "verify", cpu)

    assert Rollup.objects.get(width_s=3_600).max == 2.0
    verified = AuditEntry.objects.filter(verb="metrics.verified").order_by("pk")
    assert [entry.changes["findings"] for entry in verified] == [0, 1, 0]
    assert AuditEntry.objects.filter(verb="metrics.rebuilt").count() == 1


def test_partitions_are_shown_with_their_size(staff: Client, cpu: Metric) -> None:
    page = staff.get("/admin/metrics/shard/partitions/").content.decode()
    assert f"metrics_point_chunk_{TODAY:%Y%m%d}" in page
    assert f"metrics_rollup_{TODAY:%Y%m}" in page
    assert "KB" in page


def test_doors_are_shown_with_what_they_took(staff: Client) -> None:
    # Counters belong to the whole process: a door of this test's own, to which no other test adds.
    door = f"door-{uuid.uuid4().hex}"
    figures.points.labels(door=door).inc(1_234)
    figures.ingestion_failures.labels(door=door, code="metrics.invalid_value").inc(3)

    page = staff.get("/admin/metrics/shard/doors/").content.decode()

    (row,) = re.findall(f"<tr>(?:(?!</tr>).)*{door}.*?</tr>", page, re.DOTALL)
    cells = [cell.strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
    assert cells == [door, "1,234", "metrics.invalid_value: 3"]


def test_the_lists_lead_to_both_pages(staff: Client) -> None:
    page = staff.get("/admin/metrics/shard/").content.decode()
    assert "/admin/metrics/shard/partitions/" in page
    assert "/admin/metrics/shard/doors/" in page
