"""What allauth's pages may do here, and how they use our services."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from apps.accounts import services
from apps.accounts.models import User
from apps.common import throttles


class PageAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-in by pages; every way of allauth's ends in `login`."""

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt as the API counts its own; raises RateLimited."""
        throttles.take_at(request, "auth_login", ip_and_address=str(credentials.get("email", "")))

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse: registration is our own page, over the same service as the API."""
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign the user in, with a session that they can see and end."""
        super().login(request, user)
        services.sign_in_page(user=user, page=request.session)
