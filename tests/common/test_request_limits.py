"""Requests that are too long are answered before Django reads them."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from apps.common.errors import TooLarge
from apps.common.request_limits import BODY_MAX_BYTES, RequestLimits
from apps.common.uploads import FRAMING_BYTES, takes_uploads

FILES_MAX = 2 * 1024 * 1024


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.body)))


@csrf_exempt
@takes_uploads(FILES_MAX)
def files(request: HttpRequest) -> HttpResponse:
    return HttpResponse("read")


class FilmTooLong(TooLarge):
    """The film is too long."""

    code = "test.film_too_long"


class HastyView(View):
    """Takes files, and has little time."""

    upload_max_bytes = FILES_MAX
    upload_max_s = 0.2
    upload_refusal = FilmTooLong

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return csrf_exempt(super().as_view(**initkwargs))


urlpatterns = [path("echo", echo), path("files", files), path("hasty", HastyView.as_view())]
pytestmark = pytest.mark.urls(__name__)


class Exchange:
    """One request to the guarded application, with a body in pieces."""

    def __init__(
        self,
        target: str,
        pieces: list[bytes],
        headers: dict[str, str],
        *,
        ends: bool = True,
        pause_s: float = 0,
    ) -> None:
        name, _, query = target.partition("?")
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": name,
            "raw_path": name.encode(),
            "query_string": query.encode(),
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
        }
        self.pieces: Iterator[bytes] = iter(pieces)
        self.left = len(pieces)
        self.ends = ends
        self.pause_s = pause_s
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        if not self.left:
            await asyncio.Event().wait()
        await asyncio.sleep(self.pause_s)
        self.left -= 1
        return {
            "type": "http.request",
            "body": next(self.pieces),
            "more_body": self.left > 0 or not self.ends,
        }

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def run(self, silence_s: float = 5) -> "Exchange":
        await RequestLimits(ASGIHandler(), silence_s=silence_s)(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def code(self) -> str:
        return str(json.loads(self.sent[1]["body"])["code"])


async def post(
    target: str = "/echo",
    pieces: list[bytes] | None = None,
    *,
    ends: bool = True,
    pause_s: float = 0,
    **headers: str,
) -> Exchange:
    named = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    exchange = Exchange(target, pieces or [b""], named, ends=ends, pause_s=pause_s)
    return await exchange.run(0.2)


async def test_a_body_of_the_limit_passes() -> None:
    pieces = [b"x" * 1024] * 1024
    assert (await post(pieces=pieces)).status == 200


async def test_a_chunked_body_over_the_limit_is_not_read_on() -> None:
    exchange = await post(pieces=[b"x" * BODY_MAX_BYTES, b"x", b"never read"])
    assert (exchange.status, exchange.code, exchange.left) == (413, "request.too_large", 1)


async def test_a_stated_length_over_the_limit_is_refused_unread() -> None:
    exchange = await post(content_length=str(BODY_MAX_BYTES + 1))
    assert (exchange.status, exchange.code, exchange.left) == (413, "request.too_large", 1)
    assert (b"connection", b"close") in exchange.sent[0]["headers"]


async def test_a_length_that_is_no_number_is_malformed() -> None:
    assert (await post(content_length="-1")).code == "request.malformed"


async def test_a_view_for_files_takes_what_it_states() -> None:
    fitting, larger = FILES_MAX + FRAMING_BYTES, FILES_MAX + FRAMING_BYTES + 1
    assert (await post("/files", content_length=str(fitting))).status == 200
    assert (await post("/files", content_length=str(larger))).status == 413


async def test_a_view_says_what_is_too_large_for_it() -> None:
    stated = await post("/hasty", content_length=str(FILES_MAX + FRAMING_BYTES + 1))
    pieces = [b"x" * FILES_MAX, b"x" * FRAMING_BYTES, b"x"]
    counted = await post("/hasty", pieces=pieces, transfer_encoding="chunked")
    found = [(each.status, each.code) for each in (stated, counted)]
    assert found == [(413, "test.film_too_long")] * 2


@pytest.mark.parametrize("target", ["/echo?" + "q" * 8_192, "/" + "a" * 8_193])
async def test_a_long_address_is_refused(target: str) -> None:
    exchange = await post(target)
    assert (exchange.status, exchange.code) == (414, "request.uri_too_long")


async def test_long_headers_are_refused() -> None:
    exchange = await post(x_padding="x" * 16_384)
    assert (exchange.status, exchange.code) == (413, "request.too_large")


async def test_a_silent_sender_is_told_to_hurry() -> None:
    exchange = await post(pieces=[b"begun"], ends=False)
    assert (exchange.status, exchange.code) == (408, "request.timeout")


async def test_a_sender_who_dribbles_is_cut_off_where_the_view_states_a_time() -> None:
    exchange = await post("/hasty", pieces=[b"x"] * 50, pause_s=0.02, transfer_encoding="chunked")
    assert (exchange.status, exchange.code) == (408, "request.timeout")
    assert 0 < exchange.left < 45


async def test_the_refusal_carries_the_callers_request_id() -> None:
    exchange = await post(content_length="9999999", x_request_id="request-1")
    assert json.loads(exchange.sent[1]["body"])["request_id"] == "request-1"
