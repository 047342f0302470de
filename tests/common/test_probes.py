"""Readiness, health and metrics: who sees what, and what a lost part does."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client, override_settings

from apps.common import probes
from apps.common.probes import Degraded, Facts, Probe, Status
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh_findings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(probes, "_probes", dict(probes._probes))
    probes.forget_findings()
    yield
    probes.forget_findings()


def fail() -> Facts:
    raise OSError("secret.internal is not reachable")


def linger() -> Facts:
    raise Degraded({"used": 99})


def parts_of(path: str, **headers: str) -> tuple[int, dict[str, dict[str, object]]]:
    response = Client().get(path, headers=headers)
    return response.status_code, response.json()["parts"]


def test_a_good_installation_is_ready_for_every_role() -> None:
    for role in ("web", "worker", "beat"):
        status, parts = parts_of(f"/readyz?role={role}")
        assert status == 200
        assert {name: part["status"] for name, part in parts.items()} == {
            "database": "ok",
            "migrations": "ok",
            "valkey": "ok",
        }
    assert parts_of("/api/v1/health")[0] == 200


def test_web_goes_on_without_valkey_and_workers_do_not() -> None:
    probes.register_probe(Probe("valkey", fail, frozenset({"worker", "beat"})))
    response = Client().get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert parts_of("/readyz?role=worker")[0] == 503
    assert parts_of("/readyz?role=worker&exclude=valkey")[0] == 200


def test_nothing_is_ready_without_the_database() -> None:
    probes.register_probe(Probe("database", fail, probes.ALL_ROLES))
    assert parts_of("/readyz")[0] == 503
    assert parts_of("/healthz")[0] == 503


@pytest.mark.parametrize("query", ["role=cook", "exclude=moon"])
def test_unknown_roles_and_parts_are_refused(query: str) -> None:
    assert Client().get(f"/readyz?{query}").status_code == 422


def test_health_tells_everybody_the_state_and_nothing_else() -> None:
    probes.register_probe(Probe("far", fail))
    response = Client().get("/healthz")
    assert response.status_code == 200
    assert response.json()["parts"]["far"] == {"status": "failing"}
    assert "secret.internal" not in response.content.decode()


@override_settings(HEALTH_TOKEN="a token of some length")
def test_the_token_shows_the_facts_but_no_host_names() -> None:
    probes.register_probe(Probe("far", fail))
    probes.register_probe(Probe("full", linger))
    _, parts = parts_of("/healthz", authorization="Bearer a token of some length")
    assert parts["full"]["facts"] == {"used": 99}
    assert parts["far"]["facts"] == {"error": "OSError"}
    assert parts["storage"]["facts"] == {"bytes": 64}
    assert isinstance(parts["database"]["latency_ms"], float)
    assert "facts" not in parts_of("/healthz", authorization="Bearer wrong")[1]["full"]


@pytest.mark.parametrize("is_staff", [True, False])
def test_staff_see_the_facts(is_staff: bool) -> None:
    client = Client()
    client.force_login(UserFactory.create(is_staff=is_staff))
    parts = client.get("/healthz").json()["parts"]
    assert ("facts" in parts["disk"]) is is_staff


def test_findings_are_good_for_ten_seconds() -> None:
    looks = []

    def count() -> Facts:
        looks.append(1)
        return {}

    probes.register_probe(Probe("counted", count))
    probes.run_probes(["counted"])
    probes.run_probes(["counted"])
    assert len(looks) == 1


def test_a_probe_that_hangs_fails_in_time_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(probes, "PROBE_S", 1.0)
    probes.register_probe(Probe("hung", lambda: {"waited": released.wait(60)}))
    probes.register_probe(Probe("quick", dict))
    hung, quick = probes.run_probes(["hung", "quick"])
    released.set()
    assert (hung.status, quick.status) == (Status.FAILING, Status.OK)


def test_the_storage_probe_leaves_nothing_behind(media: Path) -> None:
    probes.probe_storage()
    assert [path for path in media.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("192.0.2.7", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 404),
        ("192.0.2.7", {"Authorization": "Bearer the metrics token"}, 200),
        ("192.0.2.7", {"Authorization": "Bearer wrong"}, 404),
    ],
)
@override_settings(METRICS_TOKEN="the metrics token")
def test_metrics_are_for_this_machine_and_the_token(
    address: str, headers: dict[str, str], status: int
) -> None:
    response = Client().get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert response.status_code == status
    assert (b"django_http_requests" in response.content) is (status == 200)


@override_settings(METRICS_TOKEN="")
def test_an_empty_token_opens_nothing() -> None:
    response = Client().get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR="192.0.2.7")
    assert response.status_code == 404
