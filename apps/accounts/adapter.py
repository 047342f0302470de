"""What allauth's pages may do here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from apps.common import throttles


class PageAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-in by pages; nobody makes an account for themselves."""

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt as the API counts its own; raises RateLimited."""
        throttles.take_at(request, "auth_login", ip_and_address=str(credentials.get("email", "")))

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse sign-up: people come by invitation or from an operator."""
        return False
