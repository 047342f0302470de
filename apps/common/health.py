"""Answers about the installation's health, for supervisors, load balancers, operators and Prometheus.

`/livez` touches nothing, `/readyz` asks whether a process can work, `/healthz` looks at every part.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from apps.common import probes
from apps.common.addresses import in_networks
from apps.common.errors import FieldError, Invalid, NotFound
from apps.common.metrics import exposition
from apps.common.probes import Finding, Status
from apps.common.problems import MethodNotAllowed, problem_answer

LIVE_PATH: Final = "/livez"
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
_readers: list[Callable[[HttpRequest], bool]] = []
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


@csrf_exempt
def readiness(request: HttpRequest) -> HttpResponse:
    """Answer `/readyz?role=&exclude=`: can a process of this role work? 503 if a part it needs fails."""
    if request.method not in {"GET", "HEAD"}:
        refusal = problem_answer(request, MethodNotAllowed())
        refusal["Allow"] = "GET, HEAD"
        return refusal
    role = request.GET.get("role", "web")
    excluded = set(filter(None, request.GET.get("exclude", "").split(",")))
    wrong = _wrong_parameters(request, role, excluded)
    if wrong:
        # Monitors read this, not people: the same shape as the API's errors, wherever it stands.
        return problem_answer(request, Invalid(errors=wrong))
    looked_at = [name for name in probes.required_by_any() if name not in excluded]
    findings = probes.run_probes(looked_at)
    return _answer(findings, probes.required_by(role), with_facts=False)


def _wrong_parameters(request: HttpRequest, role: str, excluded: set[str]) -> list[FieldError]:
    detail = "There is no such {}."
    wrong = [
        FieldError(detail.format("parameter"), code="unknown_parameter", parameter=name)
        for name in request.GET
        if name not in {"role", "exclude"}
    ]
    if role not in probes.ALL_ROLES:
        wrong.append(FieldError(detail.format("role"), parameter="role"))
    unknown = sorted(excluded - set(probes.probe_names()))
    return [*wrong, *(FieldError(detail.format("part"), parameter="exclude") for _ in unknown)]


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Answer `/healthz`: the state of every part; times and facts for HEALTH_TOKEN and staff only."""
    findings = probes.run_probes()
    has_database = all(each.status is not Status.FAILING for each in findings if each.name == "database")
    may_see_facts = has_token(request, settings.HEALTH_TOKEN) or (
        has_database and (_is_staff(request) or any(may_read(request) for may_read in _readers))
    )
    return _answer(findings, probes.required_by("web"), with_facts=may_see_facts)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer `/metrics` to loopback and METRICS_TOKEN; to all others there is no such page."""
    # A proxy on this machine calls from loopback, too, but says for whom.
    is_local = in_networks(request.META.get("REMOTE_ADDR"), LOOPBACK) and not request.headers.get(
        "X-Forwarded-For"
    )
    if not is_local and not has_token(request, settings.METRICS_TOKEN):
        raise NotFound
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def has_token(request: HttpRequest, token: str) -> bool:
    """Tell whether the request carries this bearer token; nobody does where none is set."""
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return bool(token) and constant_time_compare(sent, token)


def register_reader(may_read: Callable[[HttpRequest], bool]) -> None:
    """Let another kind of caller see the facts of `/healthz`; called by an app when it is ready."""
    _readers.append(may_read)


def _is_staff(request: HttpRequest) -> bool:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    return bool(getattr(request.user, "is_staff", False))


def _answer(findings: Iterable[Finding], required: frozenset[str], *, with_facts: bool) -> HttpResponse:
    found = list(findings)
    status = probes.verdict(found, required)
    parts = {each.name: _part(each, with_facts=with_facts) for each in found}
    return JsonResponse(
        {"status": status, "release": settings.RELEASE, "parts": parts},
        status=503 if status is Status.FAILING else 200,
        headers={"Cache-Control": "no-store"},
    )


def _part(finding: Finding, *, with_facts: bool) -> dict[str, Any]:
    part: dict[str, Any] = {"status": finding.status}
    return part | ({"latency_ms": finding.latency_ms, "facts": finding.facts} if with_facts else {})
