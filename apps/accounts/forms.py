"""The forms of the pages for people."""

from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.core.exceptions import ValidationError

from apps.accounts.models import Role
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


class _PasswordField(forms.CharField):
    """A password, taken as it is; the service judges it in its normal form."""

    def __init__(self, label: str, *, is_new: bool) -> None:
        completion = "new-password" if is_new else "current-password"
        widget = forms.PasswordInput(attrs={"class": "input", "autocomplete": completion})
        text = "10 to 128 characters: a few words make a good one." if is_new else ""
        super().__init__(label=label, max_length=1024, strip=False, widget=widget, help_text=text)


def address_field(*, completion: str = "username") -> forms.EmailField:
    """Return the field of an address, one's own unless `completion` says otherwise."""
    attributes = {"class": "input", "autocomplete": completion, "autocapitalize": "none"}
    return forms.EmailField(label="E-mail", max_length=254, widget=forms.EmailInput(attrs=attributes))


def role_field(highest: Role) -> forms.ChoiceField:
    """Return the field of a role, up to the highest that may be given."""
    choices = [(role.value, role.label) for role in Role if role.rank <= highest.rank]
    return forms.ChoiceField(label="Role", choices=choices, widget=forms.Select(attrs={"class": "input"}))


class AddressForm(forms.Form):
    """The address that a mail goes to."""

    email = address_field()


class SignUpForm(forms.Form):
    """Somebody new."""

    email = address_field()
    name = forms.CharField(
        max_length=120, widget=forms.TextInput(attrs={"class": "input", "autocomplete": "name"})
    )
    password = _PasswordField("Password", is_new=True)

    def invite(self, address: str) -> None:
        """Take the address that an invitation is for, whatever is sent."""
        field = self.fields["email"]
        field.initial, field.disabled = address, True


class NewPasswordForm(forms.Form):
    """A new password."""

    password = _PasswordField("New password", is_new=True)


class PasswordChangeForm(forms.Form):
    """A new password, with the one it replaces."""

    current = _PasswordField("Current password", is_new=False)
    new = _PasswordField("New password", is_new=True)


class PasswordForm(forms.Form):
    """The password once more."""

    password = _PasswordField("Password", is_new=False)


class ConfirmForm(forms.Form):
    """Nothing but the wish."""
