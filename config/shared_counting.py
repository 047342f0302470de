"""Where all processes of one machine count for `/metrics`: in files of one folder, whichever is asked."""

import os
from pathlib import Path

from billiard import current_process


def share_between_processes(folder: Path, role: str) -> None:
    """Count in files of `folder` from now on, so that whichever process is asked shows all of them.

    Call it before any series is made. A worker's child counts under its place in the pool, not under its pid:
    children are replaced all day, and each would leave files behind.
    """
    # Here, because every process reads this module with its settings, and the clock does not count.
    from prometheus_client import values  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    _forget_the_dead(folder)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # where the library looks for it

    def identity() -> str:
        place = getattr(current_process(), "index", None)
        return f"{role}-{os.getpid()}" if place is None else f"{role}-child-{place}"

    values.ValueClass = values.MultiProcessValue(identity)  # type: ignore[no-untyped-call]


def _forget_the_dead(folder: Path) -> None:
    """Remove what processes that are gone had open: their connections are closed."""
    for file in folder.glob("gauge_live*.db"):
        pid = file.stem.rpartition("-")[2]
        if pid.isdigit() and "child" not in file.stem and not Path("/proc", pid).exists():
            file.unlink(missing_ok=True)
