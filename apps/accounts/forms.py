"""The forms of the pages for people."""

from typing import Any

from allauth.account.forms import LoginForm
from django.core.exceptions import ValidationError

from apps.common.errors import DomainError


class SignInForm(LoginForm):  # type: ignore[misc]
    """allauth's sign-in, which tells why it refuses; `refusal` is the error behind that, for the status."""

    refusal: DomainError | None = None

    def clean(self) -> dict[str, Any]:
        """Check address and password; raises ValidationError."""
        try:
            cleaned: dict[str, Any] = super().clean()
        except DomainError as error:
            self.refusal = error
            raise ValidationError(error.detail) from error
        return cleaned
