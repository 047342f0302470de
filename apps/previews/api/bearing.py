"""How the holder of a token calls: `Authorization: Preview <token>`, never by path or query."""

from dataclasses import dataclass
from typing import Any, Final

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.accounts.authentication import (
    Credentials,
    authenticate_raw,
    credential_of_headers,
    page_credentials,
)
from apps.common.addresses import client_address
from apps.common.throttles import Caller, stranger

SCHEME: Final = "preview"


@dataclass(frozen=True, slots=True)
class PreviewBearer:
    """The token of a request, and who is signed in besides, which previews for members ask for.

    What somebody else's page could send with the cookie alone opens nothing: it does not know the token.
    """

    request: Any
    token: str
    # Taken before DRF puts its own user, which is nobody, on the request.
    page_user: Any

    def member(self) -> Credentials | None:
        """Return who is signed in, by key or by the page's cookie."""
        raw = credential_of_headers("", self.request.headers.get("X-API-Key", ""))
        if raw is not None:
            return authenticate_raw(raw, ip=client_address(self.request))
        return page_credentials(self.request, user=self.page_user)

    def caller(self) -> Caller:
        """Return how the request is counted: by its network address."""
        return stranger(self.request)


class PreviewAuthentication(BaseAuthentication):
    """Takes the token of a preview; without one the request is as good as with a wrong one."""

    def authenticate(self, request: Request) -> tuple[None, PreviewBearer]:
        """Return what the request carries; whether it opens anything is asked where it is used."""
        scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
        found = token.strip() if scheme.lower() == SCHEME else ""
        page = request._request  # noqa: SLF001 - DRF's name for Django's request
        return None, PreviewBearer(page, found, getattr(page, "user", None))
