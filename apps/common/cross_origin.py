"""Which web pages may talk to this installation from a browser: its own, and those of CORS_ORIGINS."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from apps.common.errors import Forbidden


class OriginRefused(Forbidden):
    """The page that sent this request belongs to another site.

    Programs send no Origin header and are not asked. Operators list further sites in CORS_ORIGINS.
    """

    code = "auth.origin_refused"


def is_origin_allowed(request: HttpRequest) -> bool:
    """Tell whether the page behind a request or handshake may send it; programs send no Origin and may."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        scheme = "https" if request.scheme in {"https", "wss"} else "http"
        own = f"{scheme}://{request.get_host()}"
    except DisallowedHost:
        return False
    base = urlsplit(settings.BASE_URL)
    return origin in {own, f"{base.scheme}://{base.netloc}", *settings.CORS_ORIGINS}
