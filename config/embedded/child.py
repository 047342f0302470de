"""Runs a Python module so that whatever it forks dies with it, as it dies with the supervisor.

`python -m config.embedded.child config.worker QUEUES`: the pool of the worker is forked by the
worker, so the supervisor cannot ask the kernel on its behalf.
"""

import gc
import os
import runpy
import signal
import sys

from config.embedded.identity import die_with_parent


class ForkGuard:
    """Remembers the forking process, and ties the forked one to it."""

    def __init__(self) -> None:
        self._parent = os.getpid()
        os.register_at_fork(before=self._remember, after_in_child=self._tie)

    def _remember(self) -> None:
        self._parent = os.getpid()
        # What exists by now is never garbage; unfrozen, the collector of each child would copy all of it.
        gc.collect()
        gc.freeze()

    def _tie(self) -> None:
        die_with_parent(signal.SIGKILL, self._parent)


def main() -> None:
    """Run the module that the first argument names."""
    ForkGuard()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
