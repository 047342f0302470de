"""The Content-Security-Policy, in the shape of Django 6's SECURE_CSP: directive -> sources.

    SECURE_CSP = {"default-src": [CSP.NONE], "script-src": [CSP.SELF, CSP.NONCE]}

Templates write `<script nonce="{{ csp_nonce }}">`; the nonce is made when a template asks for it.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject, empty

HEADER = "Content-Security-Policy"


class CSP:
    """Sources by name, as `django.utils.csp.CSP` has them."""

    NONE = "'none'"
    SELF = "'self'"
    NONCE = "<CSP_NONCE_SENTINEL>"


def build_policy(directives: Mapping[str, Sequence[str]], nonce: str | None) -> str:
    """Return the header's value; without a nonce its sources are left out."""
    parts = []
    for name, sources in directives.items():
        known = [f"'nonce-{nonce}'" if source == CSP.NONCE else source for source in sources]
        parts.append(" ".join([name, *(source for source in known if nonce or "'nonce-" not in source)]))
    return "; ".join(parts)


def origins(*addresses: str) -> list[str]:
    """Return the origins of foreign addresses, as CSP sources; local paths and empty ones have none.

    A tile address may name subdomains in braces (`https://{s}.tiles.example/...`): any subdomain is meant.
    """
    found = []
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme in {"http", "https"} and parts.netloc:
            host = "*." + parts.netloc.partition("}.")[2] if "{" in parts.netloc else parts.netloc
            found.append(f"{parts.scheme}://{host}")
    return list(dict.fromkeys(found))


def nonce_context(request: HttpRequest) -> dict[str, Any]:
    """Give templates `csp_nonce`; a context processor."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}


class ContentSecurityPolicy:
    """Middleware: sends the policy with every answer that brings none of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Offer the request a nonce, and state it if it was taken."""
        nonce = SimpleLazyObject(lambda: secrets.token_urlsafe(16))
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response = self.get_response(request)
        was_taken = nonce._wrapped is not empty  # noqa: SLF001 - Django offers no other look
        response.setdefault(HEADER, build_policy(settings.SECURE_CSP, str(nonce) if was_taken else None))
        return response
