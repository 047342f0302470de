"""A Valkey of its own for a test that stops it."""

import contextlib
import signal
import subprocess
import time
from pathlib import Path

import redis

from config.embedded import valkey as valkey_server

PATIENCE_S = 60.0


class OwnValkey:
    """A Valkey that a test may stop and start; it keeps its data over an orderly stop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(valkey_server.program()), "--port", "0", "--unixsocket", str(self.socket)]
        command += ["--dir", str(self.folder), "--save", "3600 1", "--loglevel", "warning"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(redis.RedisError):
                if client.ping():
                    break
            assert time.monotonic() < deadline
            time.sleep(0.02)
        client.close()

    def stop(self, *, and_forget: bool = False) -> None:
        assert self.process is not None
        (self.process.kill if and_forget else self.process.terminate)()
        self.process.wait(PATIENCE_S)

    def freeze(self) -> None:
        """Let it stop answering, without closing its connections."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
