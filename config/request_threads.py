"""Django's ASGI handler for a stack that is all synchronous: one thread per request, entered once.

Django's own sends a request to a fresh thread and back to the event loop at every border between the two
kinds of code: for its signals, at each middleware that has only one kind, at each of their `process_view`,
at the view and at the end. Our middlewares and views are all synchronous, so here the whole request goes to
one thread and comes back with the answer. The thread is used again: so are its objects of the database
connections, while the connections themselves go back to the pool as before.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, Final

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

# What a busy moment leaves behind; there is no limit to how many work at once, as in Django's own.
IDLE_THREADS_MAX: Final = 40

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class RequestThreads(ASGIHandler):
    """The ASGI application of all synchronous code; one for each process."""

    def __init__(self) -> None:
        super().__init__()
        self._idle: list[ThreadPoolExecutor] = []

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain of the synchronous kind, whatever Django's own handler asks for."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request in a thread that nobody else uses meanwhile."""
        executor = self._idle.pop() if self._idle else ThreadPoolExecutor(1, thread_name_prefix="request")
        try:
            await self._serve(executor, scope, receive, send)
        finally:
            # A request that was cancelled may still be at work there: the next one queues behind it.
            if len(self._idle) < IDLE_THREADS_MAX:
                self._idle.append(executor)
            else:
                executor.shutdown(wait=False)

    async def _serve(self, executor: ThreadPoolExecutor, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, have the request answered, send the answer."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            # Not by `sync_to_async`: it copies every context variable there and back, for nobody here.
            run = contextvars.copy_context().run
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(executor, run, self._answer, scope, body)
            if not response.streaming:
                await self.send_response(response, send)
                return
            async with ThreadSensitiveContext(executor=executor):  # where the stream's cursors are
                await self._stream(response, receive, send)

    def _answer(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        """Return the answer; its resources are given back already unless it is a stream."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response: HttpResponseBase = self.get_response(request) if request else refusal  # type: ignore[assignment]
        response._handler_class = self.__class__  # type: ignore[attr-defined]  # noqa: SLF001 - sends request_finished
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if not response.streaming:
            response.close()
        return response

    async def _stream(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        """Send a stream until its end, or until the client has gone."""
        sending = asyncio.create_task(self.send_response(response, send))
        watching = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, watching):
                task.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)
            await sync_to_async(response.close)()
        if not sending.cancelled():
            sending.result()
