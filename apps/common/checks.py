"""System checks of the installation: sextant.E001 on, each with a hint that says what to change."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name

from apps.common.outbound.allowed import parse_allowed

LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1", "testserver"})


def is_local(host: str) -> bool:
    """Tell whether a host name is only good on this machine."""
    return host in LOCAL_HOSTS or host.endswith(".localhost")


def check_debug(**_: Any) -> list[CheckMessage]:
    """Refuse error pages with source code where others can reach them."""
    public = [host for host in (*settings.ALLOWED_HOSTS, _base_host()) if not is_local(host)]
    if not settings.DEBUG or not public:
        return []
    return [
        Error(
            f"DEBUG is on and {public[0]!r} is a public host.",
            hint="Unset DEBUG, or keep ALLOWED_HOSTS and BASE_URL to localhost.",
            id="sextant.E001",
        )
    ]


def check_base_url(**_: Any) -> list[CheckMessage]:
    """Require an address that links can start with, under a host that is answered."""
    parts = urlsplit(settings.BASE_URL)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        return [
            Error(
                "BASE_URL is not the root of a site.",
                hint="Set it to something like https://sextant.example, without a path.",
                id="sextant.E002",
            )
        ]
    if not _is_allowed(_base_host()):
        return [
            Error(
                "ALLOWED_HOSTS does not contain the host of BASE_URL.",
                hint=f"Add {_base_host()} to ALLOWED_HOSTS.",
                id="sextant.E003",
            )
        ]
    return []


def check_static_files(**_: Any) -> list[CheckMessage]:
    """Tell a web process that its pages have no styles and scripts."""
    if settings.ROLE != "web" or (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        return []
    return [
        Error(
            "The static files are missing.",
            hint="Run `manage.py collectstatic`; `manage.py up` does it by itself.",
            id="sextant.E004",
        )
    ]


def check_https(**_: Any) -> list[CheckMessage]:
    """Warn where passwords travel in the clear."""
    if settings.IS_HTTPS or is_local(_base_host()):
        return []
    return [
        Warning(
            "BASE_URL is public and not https: passwords and keys travel in the clear.",
            hint="Put a proxy with TLS in front; set BASE_URL to https://... and TRUSTED_PROXIES to it.",
            id="sextant.W001",
        )
    ]


def check_proxies(**_: Any) -> list[CheckMessage]:
    """Refuse to believe forwarded headers from everywhere."""
    open_networks = [network for network in settings.TRUSTED_PROXIES if network.endswith("/0")]
    if not open_networks:
        return []
    return [
        Error(
            f"TRUSTED_PROXIES contains {open_networks[0]}: anybody could claim any address.",
            hint="Name the addresses of your proxies.",
            id="sextant.E005",
        )
    ]


def check_outbound(**_: Any) -> list[CheckMessage]:
    """Require that the exceptions for calls to other hosts can be understood."""
    found: list[CheckMessage] = []
    try:
        parse_allowed(tuple(settings.OUTBOUND_ALLOW))
    except ValueError as error:
        hint = "List hosts, host:port or networks such as 10.1.0.0/16."
        found.append(Error(f"OUTBOUND_ALLOW cannot be read: {error}", hint=hint, id="sextant.E006"))
    if settings.OUTBOUND_PROXY and urlsplit(settings.OUTBOUND_PROXY).scheme != "http":
        hint = "Set it to http://host:port; calls to https hosts are tunnelled through it."
        found.append(Error("OUTBOUND_PROXY is no http address.", hint=hint, id="sextant.E007"))
    return found


def check_language_model(**_: Any) -> list[CheckMessage]:
    """Require an address and a model where a language model is configured."""
    if settings.AI_PROVIDER != "openai_compatible" or (settings.AI_BASE_URL and settings.AI_MODEL):
        return []
    hint = "Set AI_BASE_URL (ending in /v1 for most servers) and AI_MODEL, or AI_PROVIDER=none."
    return [Error("AI_PROVIDER needs AI_BASE_URL and AI_MODEL.", hint=hint, id="sextant.E008")]


Check = Callable[..., Sequence[CheckMessage]]
CHECKS: Final[tuple[Check, ...]] = (
    check_debug,
    check_base_url,
    check_static_files,
    check_https,
    check_proxies,
    check_outbound,
    check_language_model,
)


def register_checks() -> None:
    """Let `manage.py check` run them; called by the wiring's AppConfig."""
    for check in CHECKS:
        register(check, Tags.security)


def _base_host() -> str:
    return urlsplit(settings.BASE_URL).hostname or ""


def _is_allowed(host: str) -> bool:
    return any(
        allowed == "*" or host == allowed.strip("[]") or (allowed[:1] == "." and host.endswith(allowed))
        for allowed in settings.ALLOWED_HOSTS
    )
