"""Hearing that the server stops before it waits for answers that would never end by themselves."""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class StopWatch:
    """Calls back in the running event loop at the first signal to stop, before the server's own handler."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._is_set = False

    def set(self) -> None:
        """Start listening; again, and outside the main thread, it does nothing."""
        if self._is_set or threading.current_thread() is not threading.main_thread():
            return
        self._is_set = True
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            self._chain(number, loop)

    def _chain(self, number: signal.Signals, loop: asyncio.AbstractEventLoop) -> None:
        former = signal.getsignal(number)

        def handle(received: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._call)
            if callable(former):
                former(received, frame)

        # A default action (death at once) needs no warning, and must stay as it is.
        if callable(former):
            signal.signal(number, handle)
