"""What allauth's pages may do here."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class PageAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-in by pages; nobody makes an account for themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse sign-up: people come by invitation or from an operator."""
        return False
