"""A supervisor whose machine has no room: programs are started again when it has some, and others go on."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.bootstrap import BASE_DIR

# Two programs: one goes on, and one ends at once and is started again. A limit is set, and taken back.
# Told are the ids of the first before and after, and whether the second was kept from starting, and runs.
SUPERVISED = """
import os, pathlib, resource, signal, sys
from config.embedded.processes import Program
from config.embedded.state import write_processes
from config.embedded.supervisor import Supervisor

var_dir, limit, most = pathlib.Path(sys.argv[1]), getattr(resource, sys.argv[2]), int(sys.argv[3])
supervisor = Supervisor(
    var_dir / "log",
    on_change=lambda: write_processes(var_dir, supervisor.children.values(), started_at=0, is_up=True),
)

def shell(name, script):
    command = ["/bin/sh", "-c", f"echo up; {script}"]
    folder = pathlib.Path("/")  # whoever it runs as may enter it
    return supervisor.start(Program(name, command, {}, signal.SIGTERM, 5, announcement=b"up", folder=folder))

with supervisor.signals():
    steady, short = shell("steady", "sleep 600"), shell("short", "true")
    supervisor.wait_ready(steady)
    before = steady.pid
    if limit == resource.RLIMIT_NPROC and os.getuid() == 0:
        os.setresuid(65534, 65534, 0)  # root may have as many processes as it likes
    former = resource.getrlimit(limit)
    resource.setrlimit(limit, (most, former[1]))
    # A pause that is spared, again and again; each is twice as long as the last.
    tried = short.restarts
    while short.restarts < tried + 3:
        short.due_clock, short.pause_s = 0.0, 0.05
        supervisor.step(0.02)
    had_no_room = short.popen is None
    resource.setrlimit(limit, former)
    tried = short.restarts
    while short.restarts < tried + 2:
        short.due_clock = 0.0
        supervisor.step(0.02)
    print(before, steady.pid, had_no_room, short.popen is not None, flush=True)
    if os.getuid() != 0 and os.getresuid()[2] == 0:
        os.setresuid(0, 0, 0)
    supervisor.stop_all()
"""


@pytest.mark.parametrize(
    ("limit", "most", "is_in_the_way"),
    [("RLIMIT_NPROC", 0, True), ("RLIMIT_NOFILE", 0, True), ("RLIMIT_FSIZE", 0, False)],
    ids=["no process", "no descriptor", "no byte on the disk"],
)
def test_a_program_is_started_again_as_soon_as_there_is_room_and_others_go_on(
    tmp_path: Path, limit: str, most: int, is_in_the_way: bool
) -> None:
    (tmp_path / "run").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SUPERVISED, str(tmp_path), limit, str(most)],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, after, had_no_room, runs = done.stdout.split()
    assert before == after
    assert (had_no_room, runs) == (str(is_in_the_way), "True")
