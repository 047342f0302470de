"""Processes that a test lets die: children of one in which Django is set up once, each there in milliseconds.

The parent reads one wish a line, `{"code": ..., "arguments": [...], "settings": {...}}`, and answers with
the exit code of the child that it forked for it, as `subprocess` tells it. It has no connection and no thread
of its own, so nothing is shared but what was imported.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from config.embedded import identity
from config.embedded.identity import Identity

BASE_DIR: Final = Path(__file__).resolve().parents[2]
# A child that hangs is ended by its alarm.
LIFE_S: Final = 600


class Nursery:
    """The parent of all, and what the last child had to say."""

    def __init__(self, errors: Path) -> None:
        self._errors = errors
        self._parent: subprocess.Popen[str] | None = None

    def run(self, code: str, *arguments: object, **settings: object) -> int:
        """Run code in a process of its own, `sys.argv` and some settings set; return its exit code.

        Settings are what JSON carries; DEBUG is on. What it wrote to stderr is in `errors`.
        """
        wish = {"code": code, "arguments": [str(each) for each in arguments], "settings": settings}
        parent = self._parent = self._parent or self._start()
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(json.dumps(wish) + "\n")
        parent.stdin.flush()
        return int(parent.stdout.readline())

    @property
    def errors(self) -> str:
        """Return what children have written to stderr, the last one's at the end."""
        return self._errors.read_text()[-4_000:]

    def close(self) -> None:
        """End the parent."""
        if self._parent is not None:
            with self._parent as parent:
                parent.kill()

    def _start(self) -> "subprocess.Popen[str]":
        environ = {**os.environ, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings"}
        with self._errors.open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", __name__],
                cwd=BASE_DIR,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                preexec_fn=identity.child_setup(Identity.CALLER, signal.SIGKILL),  # noqa: PLW1509
            )


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Give the parent of this test process's own children; it starts with the first of them."""
    one = Nursery(tmp_path_factory.mktemp("nursery") / "stderr")
    yield one
    one.close()


def serve() -> None:
    """Fork a child for each wish, one after the other."""
    # The answers alone go to stdout.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import django

    django.setup()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _live(json.loads(line))
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        answers.flush()


def _live(wish: dict[str, Any]) -> None:
    """Do what is wished and end the process; a failure is told, and is exit code 1."""
    from django.conf import settings

    signal.alarm(LIFE_S)
    code = 1
    with contextlib.suppress(BaseException):
        try:
            for name, value in wish["settings"].items():
                setattr(settings, name, value)
                os.environ[name] = str(value)  # for processes that it starts
            sys.argv = ["-c", *wish["arguments"]]
            exec(compile(wish["code"], "<test>", "exec"), {"__name__": "__main__"})
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
