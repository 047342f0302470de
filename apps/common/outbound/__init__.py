"""HTTP to foreign hosts, where somebody else may have chosen the address (platform.md section 16).

Each hop: the address's syntax is vetted, its name resolved once, every address behind it must be public, and
the connection goes to exactly those addresses. Redirects start over. Bytes and time are capped.

    call(url, purpose=…)       -> Answer, behind a breaker, tried again where that does no harm
    fetch(url, purpose=…)      -> Answer, whole
    open_url(url, purpose=…)   -> Exchange, to be read in pieces
    vet_host(host, port)       -> the vetted addresses, for programs that connect by themselves
"""

from apps.common.outbound.breaker import breaker_states, guarded, open_circuits
from apps.common.outbound.calling import call
from apps.common.outbound.client import Answer, Exchange, Limits, fetch, open_url
from apps.common.outbound.errors import CircuitOpen, OutboundBlocked, OutboundFailed
from apps.common.outbound.resolving import vet_host
from apps.common.outbound.urls import Target, parse_target

__all__ = [
    "Answer",
    "CircuitOpen",
    "Exchange",
    "Limits",
    "OutboundBlocked",
    "OutboundFailed",
    "Target",
    "breaker_states",
    "call",
    "fetch",
    "guarded",
    "open_circuits",
    "open_url",
    "parse_target",
    "vet_host",
]
