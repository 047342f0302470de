"""A host that fails is left alone for a minute, then one probe decides; calls are repeated where safe."""

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest
import time_machine
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.common.outbound import breaker as breakers
from apps.common.outbound.breaker import guarded
from apps.common.outbound.calling import HostFailed, call
from apps.common.outbound.errors import CircuitOpen, OutboundFailed
from tests.common.foreign_host import ForeignHost, plain, serving

DOWN = plain(b"", "503 Service Unavailable")


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


@pytest.fixture
def purpose() -> Iterator[str]:
    """Return a purpose of this test alone, whose breaker nobody else has touched."""
    yield f"test-{uuid.uuid4()}"
    breakers._known.clear()


def fail(purpose: str, times: int) -> None:
    """Let a guarded block fail."""
    for _ in range(times):
        with pytest.raises(OutboundFailed), guarded(purpose, "host.example"):
            raise OutboundFailed


def forget_in_process() -> None:
    """Be another process: only Valkey remembers."""
    breakers._known.clear()


def test_five_failures_open_the_circuit_for_all_processes(purpose: str) -> None:
    fail(purpose, 3)
    forget_in_process()
    fail(purpose, 2)
    forget_in_process()
    with pytest.raises(CircuitOpen) as refused, guarded(purpose, "HOST.example"):
        pytest.fail("the host was called")
    assert refused.value.retry_after_s is not None
    assert 50 <= refused.value.retry_after_s <= 60
    assert breakers.open_circuits() == 1


def test_a_success_forgets_the_failures(purpose: str) -> None:
    fail(purpose, 4)
    with guarded(purpose, "host.example"):
        pass
    fail(purpose, 4)
    with guarded(purpose, "host.example"):
        pass


def test_other_hosts_and_purposes_are_not_left_alone(purpose: str) -> None:
    fail(purpose, 5)
    with guarded(purpose, "other.example"), guarded(purpose + "-b", "host.example"):
        pass


def test_an_error_of_our_own_does_not_count_against_the_host(purpose: str) -> None:
    for _ in range(6):
        with pytest.raises(KeyError), guarded(purpose, "host.example"):
            raise KeyError
    with guarded(purpose, "host.example"):
        pass


def test_after_a_minute_one_probe_decides(purpose: str) -> None:
    fail(purpose, 5)
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=61), tick=True):
        with guarded(purpose, "host.example"):
            # While the probe is under way, nobody else calls.
            forget_in_process()
            with pytest.raises(CircuitOpen), guarded(purpose, "host.example"):
                pytest.fail("a second probe")
            forget_in_process()
        with guarded(purpose, "host.example"):
            pass


def test_a_probe_that_fails_opens_the_circuit_again(purpose: str) -> None:
    fail(purpose, 5)
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=61), tick=True):
        fail(purpose, 1)
        with pytest.raises(CircuitOpen), guarded(purpose, "host.example"):
            pytest.fail("the host was called")


def test_without_valkey_the_process_counts_alone(purpose: str, settings: Settings) -> None:
    settings.CACHE_URL = "redis://127.0.0.1:9/0"
    fail(purpose, 5)
    with pytest.raises(CircuitOpen), guarded(purpose, "host.example"):
        pytest.fail("the host was called")


def test_only_so_many_hosts_are_known(purpose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breakers, "KNOWN_MAX", 3)
    for number in range(9):
        with guarded(purpose, f"host{number}.example"):
            pass
    assert len(breakers._known) == 3


def tried(host: ForeignHost, purpose: str, *, is_repeatable: bool) -> int:
    """Return the status of a call."""
    return call(host.url(), purpose=purpose, is_repeatable=is_repeatable).status


def test_a_repeatable_call_is_tried_three_times(purpose: str) -> None:
    with serving(DOWN, DOWN, plain(b"up")) as host:
        assert tried(host, purpose, is_repeatable=True) == 200
    assert len(host.heads) == 3


def test_a_call_that_may_not_be_repeated_is_not(purpose: str) -> None:
    with serving(DOWN, plain(b"up")) as host, pytest.raises(HostFailed, match="answered 503"):
        tried(host, purpose, is_repeatable=False)
    assert len(host.heads) == 1


def test_a_host_that_asks_for_a_short_pause_gets_it_and_for_a_long_one_is_not_waited_for(
    purpose: str,
) -> None:
    with serving(plain(b"", "429 Too Many Requests", "Retry-After: 1"), plain(b"")) as host:
        assert tried(host, purpose, is_repeatable=True) == 200
    with (
        serving(plain(b"", "429 Too Many Requests", "Retry-After: 60"), plain(b"")) as host,
        pytest.raises(HostFailed),
    ):
        tried(host, purpose, is_repeatable=True)
    assert len(host.heads) == 1


def test_a_refusal_is_an_answer(purpose: str) -> None:
    with serving(plain(b"", "404 Not Found")) as host:
        assert tried(host, purpose, is_repeatable=True) == 404
    assert len(host.heads) == 1


def test_a_host_that_stays_down_is_left_alone(purpose: str) -> None:
    with serving(DOWN) as host:
        for _ in range(5):
            with pytest.raises(HostFailed):
                tried(host, purpose, is_repeatable=False)
        with pytest.raises(CircuitOpen):
            tried(host, purpose, is_repeatable=False)
    assert len(host.heads) == 5
