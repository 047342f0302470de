"""A request stays in one thread until its stream has ended, and threads are used again."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core import signals
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from apps.common.streaming import stream
from config.request_threads import IDLE_THREADS_MAX, RequestThreads

seen: list[tuple[str, int]] = []
doors: dict[str, threading.Event] = {}
WAIT_S = 60


def note(what: str) -> None:
    seen.append((what, threading.get_ident()))


def plain(request: HttpRequest) -> HttpResponse:
    note("view")
    return HttpResponse(b"plain")


def waiting(request: HttpRequest) -> HttpResponse:
    note("view")
    doors["entered"].set()
    assert doors["open"].wait(WAIT_S)
    return HttpResponse(b"waited")


def there_and_back(request: HttpRequest) -> HttpResponse:
    async_to_sync(sync_to_async(lambda: note("below async code")))()
    note("view")
    return HttpResponse(b"back")


def pieces() -> Iterator[bytes]:
    try:
        while True:
            note("piece")
            yield b"x" * 10
    finally:
        note("closed")


def endless(request: HttpRequest) -> StreamingHttpResponse:
    note("view")
    return stream(request, pieces(), content_type="text/plain", file_name="x")


urlpatterns = [path(view.__name__, view) for view in (plain, waiting, there_and_back, endless)]


@pytest.fixture
def application(settings: Any) -> Iterator[RequestThreads]:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    seen.clear()
    doors.update(entered=threading.Event(), open=threading.Event())

    def finished(**_: Any) -> None:
        note("finished")

    signals.request_finished.connect(finished)
    yield RequestThreads()
    signals.request_finished.disconnect(finished)


async def ask(application: RequestThreads, path: str, *, leave_after: int | None = None) -> bytes:
    """Return the body of an answer; the client leaves after so many pieces."""
    received: list[bytes] = []
    left = asyncio.Event()
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        for message in messages:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        received.append(message.get("body", b""))
        if leave_after is not None and len(received) > leave_after:
            left.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/{path}",
        "raw_path": f"/{path}".encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    await application(scope, receive, send)
    return b"".join(received)


def threads() -> set[int]:
    return {thread for _what, thread in seen}


async def test_requests_one_after_the_other_share_a_thread(application: RequestThreads) -> None:
    assert [await ask(application, "plain") for _ in range(3)] == [b"plain"] * 3
    assert [what for what, _thread in seen] == ["view", "finished"] * 3
    assert len(threads()) == 1
    assert threading.get_ident() not in threads()


async def test_requests_at_the_same_time_do_not_wait_for_each_other(application: RequestThreads) -> None:
    slow = asyncio.create_task(ask(application, "waiting"))
    await asyncio.to_thread(doors["entered"].wait, WAIT_S)
    assert await ask(application, "plain") == b"plain"
    doors["open"].set()
    assert await slow == b"waited"
    assert len(threads()) == 2


async def test_more_requests_than_threads_are_kept_are_all_served(application: RequestThreads) -> None:
    doors["open"].set()
    asked = [ask(application, "waiting") for _ in range(IDLE_THREADS_MAX + 10)]
    assert await asyncio.gather(*asked) == [b"waited"] * (IDLE_THREADS_MAX + 10)
    assert await ask(application, "plain") == b"plain"


async def test_a_view_may_call_asynchronous_code(application: RequestThreads) -> None:
    assert await ask(application, "there_and_back") == b"back"
    assert len(threads()) == 1


async def test_a_stream_ends_with_its_client_in_the_thread_of_its_view(application: RequestThreads) -> None:
    body = await asyncio.wait_for(ask(application, "endless", leave_after=5), WAIT_S)
    assert body.startswith(b"x" * 30)
    assert [what for what, _thread in seen[-2:]] == ["closed", "finished"]
    assert len(threads()) == 1
    assert await ask(application, "plain") == b"plain"
    assert len(threads()) == 1
