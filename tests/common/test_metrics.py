"""`/metrics`: all processes in one scrape, the database's figures asked for, no label that names anybody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from apps.common import metrics
from apps.common.metrics import Figure

COUNTING = """
import sys
from pathlib import Path
from config.shared_counting import share_between_processes
share_between_processes(Path(sys.argv[1]), "web")
from django.conf import settings
settings.configure(METRICS_FOLDER=Path(sys.argv[1]))
from apps.common import metrics
from prometheus_client import Counter, Gauge
Counter("sextant_test_calls", "Calls.").inc(int(sys.argv[2]))
Gauge("sextant_test_open", "Open.", multiprocess_mode="livesum").set(7)
print(metrics.exposition().decode())
"""


def counted_by(folder: Path, calls: int) -> str:
    """Return what another process shows that counted so many calls."""
    command = [sys.executable, "-c", COUNTING, str(folder), str(calls)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ)).stdout


def test_one_scrape_shows_what_all_processes_counted(tmp_path: Path) -> None:
    assert "sextant_test_calls_total 3.0" in counted_by(tmp_path, 3)
    assert "sextant_test_calls_total 8.0" in counted_by(tmp_path, 5)


def test_what_a_dead_process_had_open_is_closed(tmp_path: Path) -> None:
    counted_by(tmp_path, 1)
    assert "sextant_test_open 7.0" in counted_by(tmp_path, 1)


def test_a_figure_is_asked_for_at_the_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_figures", {})
    depths = {"high": 2.0}
    metrics.register_figure(
        Figure(
            "sextant_test_depth", "Depth.", lambda: [((name,), depths[name]) for name in depths], ("queue",)
        )
    )
    assert b'sextant_test_depth{queue="high"} 2.0' in metrics.exposition()
    depths["high"] = 5.0
    assert b'sextant_test_depth{queue="high"} 5.0' in metrics.exposition()


@pytest.mark.django_db(transaction=True)
def test_refusals_are_counted_by_code() -> None:
    def failures() -> float:
        found = metrics.auth_failures.labels(code="auth.required")._value.get()
        return float(found)

    before = failures()
    Client().get("/api/v1/me")
    assert failures() == before + 1


@pytest.mark.django_db(transaction=True)
def test_the_installations_own_series_are_shown() -> None:
    text = Client().get("/metrics").content.decode()
    for name in (
        "sextant_jobs",
        "sextant_job_seconds",
        "sextant_queue_oldest_seconds",
        "sextant_live_connections",
        "sextant_rate_limited_total",
        "sextant_breaker_state",
        "sextant_auth_failures_total",
        "sextant_outbound_blocked_total",
        "sextant_users",
        "sextant_organizations",
        "sextant_datasets",
    ):
        assert f"# TYPE {name} " in text
    assert "organization=" not in text
