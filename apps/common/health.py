"""Whether this process is alive, for supervisors and load balancers."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

LIVE_PATH: Final = "/livez"
Answer = HttpResponseBase | Awaitable[HttpResponseBase]


@sync_and_async_middleware
def liveness(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Answer]:
    """Answer `/livez` before anything else is touched: no database, no session, no check of the host name.

    Stands first, because a probe asks by the address of the machine, which ALLOWED_HOSTS need not list.
    """

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        if request.path == LIVE_PATH:
            return alive()
        response: HttpResponseBase = await get_response(request)
        return response

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.path == LIVE_PATH:
            return alive()
        response: HttpResponseBase = get_response(request)
        return response

    return answer_async if iscoroutinefunction(get_response) else answer


def alive() -> HttpResponse:
    """Return the answer of a living process."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})
