"""The supervisor: restarts, logs, order of the stop, and that nothing outlives it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.bootstrap import BASE_DIR
from config.embedded import processes
from config.embedded.processes import Program, StartFailed
from config.embedded.supervisor import Supervisor

# Says its id, starts a child and a grandchild's worth of work, and ignores every polite request.
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
PATIENCE_S = 120.0
FORKING = "import os, time; os.fork(); print('forked', flush=True); time.sleep(600)"
SUPERVISED = """
import sys, pathlib, signal
from config.embedded.processes import Program
from config.embedded.supervisor import Supervisor
folder, module = pathlib.Path(sys.argv[1]), sys.argv[2]
command = [sys.executable, "-m", "config.embedded.child", module]
supervisor = Supervisor(folder)
with supervisor.signals():
    child = supervisor.start(
        Program("forking", command, {"PYTHONPATH": str(folder)}, signal.SIGTERM, 5, announcement=b"forked")
    )
    supervisor.wait_ready(child)
    print(child.pid, flush=True)
    supervisor.run()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """Return a supervisor whose processes end with the test."""
    one = Supervisor(tmp_path / "log")
    with one.signals():
        yield one
        one.stop_all()


def program(name: str, code: str, *, stop_seconds: float = 5.0) -> Program:
    """Return a Python program that is ready once it prints `up`."""
    return Program(
        name=name,
        command=[sys.executable, "-c", code],
        environ={},
        stop_signal=signal.SIGTERM,
        stop_seconds=stop_seconds,
        announcement=b"up",
    )


def run_until(supervisor: Supervisor, done: Callable[[], bool]) -> None:
    """Let the supervisor work until something has happened."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        supervisor.step(0.02)


def is_running(pid: int) -> bool:
    """Tell whether a process lives; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_crashed_process_is_started_again_after_a_growing_pause(supervisor: Supervisor) -> None:
    child = supervisor.start(program("crashing", "print('up', flush=True)"))

    began = time.monotonic()
    run_until(supervisor, lambda: child.restarts == 2)

    assert time.monotonic() - began >= 1.5  # 0.5 s, then 1 s
    assert child.pause_s == 2.0


def test_a_program_that_cannot_be_started_again_is_tried_later_and_takes_nobody_with_it(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text(f"#!{sys.executable}\nprint('up', flush=True)\n")
    script.chmod(0o700)
    child = supervisor.start(Program("gone", [str(script)], {}, signal.SIGTERM, 1, announcement=b"up"))
    run_until(supervisor, lambda: child.popen is None)
    away = script.rename(tmp_path / "away")

    run_until(supervisor, lambda: "not started" in child.log.path.read_text())
    away.rename(script)
    run_until(supervisor, lambda: child.restarts == 2)

    assert child.pid is not None


def test_a_process_that_never_gets_ready_fails_the_start_and_names_its_log(supervisor: Supervisor) -> None:
    child = supervisor.start(program("broken", "raise SystemExit('no licence')"))

    with pytest.raises(StartFailed, match=r"log/broken\.log"):
        supervisor.wait_ready(child, seconds=1.0)

    run_until(supervisor, lambda: "no licence" in child.log.path.read_text())


def test_a_command_that_fails_is_not_repeated(supervisor: Supervisor, tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'runs')!r}, 'a').write('x'); raise SystemExit(3)"
    once = Program("once", [sys.executable, "-c", code], {}, signal.SIGTERM, 1, once=True)

    with pytest.raises(StartFailed):
        supervisor.run_once(once, seconds=PATIENCE_S)

    assert (tmp_path / "runs").read_text() == "x"


def test_the_last_started_is_stopped_first(supervisor: Supervisor, tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = """
import signal, sys, time
def end(*_):
    open({path!r}, "a").write({name!r})
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(600)
"""
    for name in ("a", "b", "c"):
        supervisor.wait_ready(supervisor.start(program(name, code.format(path=str(order), name=name))))

    for child in reversed(supervisor.children.values()):
        supervisor.stop(child)

    assert order.read_text() == "cba"


def test_a_process_that_ignores_the_request_is_killed_when_its_time_is_up(supervisor: Supervisor) -> None:
    child = supervisor.start(program("stubborn", STUBBORN, stop_seconds=0.3))
    supervisor.wait_ready(child)
    pid = child.pid

    supervisor.stop(child)

    assert pid is not None
    assert not is_running(pid)


def test_a_log_moves_aside_when_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES", 10)
    log = processes.RotatingLog(tmp_path / "web.log")

    for number in range(7):
        log.write(f"line {number}\n".encode())
    log.close()

    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["web.log", "web.log.1", "web.log.2", "web.log.3", "web.log.4"]
    assert (tmp_path / "web.log").read_text() == "line 6\n"
    assert (tmp_path / "web.log.4").read_text() == "line 2\n"


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "forking.py").write_text(FORKING)
    holder = subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(tmp_path), "forking"],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    with holder, holder.stdout as said:
        pid = int(said.readline())
        family = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        assert len(family) == 2

        holder.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_S
        while any(map(is_running, family)) and time.monotonic() < deadline:
            time.sleep(0.05)

    assert [member for member in family if is_running(member)] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run(supervisor: Supervisor, number: signal.Signals) -> None:
    supervisor.wait_ready(
        supervisor.start(program("calm", "import time; print('up', flush=True); time.sleep(600)"))
    )

    os.kill(os.getpid(), number)
    supervisor.run()

    assert supervisor.stopping
