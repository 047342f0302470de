"""The page of API keys: make one and see it this once, rotate, revoke."""

import datetime as dt
import uuid
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import keys, services
from apps.accounts.authentication import page_credentials
from apps.accounts.forms import role_field
from apps.accounts.models import ApiKey, Role
from apps.accounts.page_acts import add_refusal
from apps.accounts.pages import PageRequest, page
from apps.accounts.permissions import Actor
from apps.common.errors import DomainError

PERMISSION: Final = "accounts.create_key"
LIFETIMES: Final = ((90, "90 days"), (30, "30 days"), (365, "a year"), (0, "until it is revoked"))
OVERLAP_S: Final = 86_400


class KeyForm(forms.Form):
    """A new key; the service judges what a field alone cannot."""

    name = forms.CharField(max_length=120)
    scopes = forms.MultipleChoiceField()
    rate_per_minute = forms.IntegerField(min_value=1, max_value=1_000_000, required=False)
    allowed_cidrs = forms.CharField(required=False)
    days = forms.TypedChoiceField(choices=LIFETIMES, coerce=int)

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = role_field(actor.role)
        self.fields["scopes"].choices = [(scope, scope) for scope in _scopes_of(actor)]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """Return the checked fields as the service takes them."""
        found = dict(self.cleaned_data)
        days = found.pop("days")
        return found | {
            "role": Role(found["role"]),
            "allowed_cidrs": found["allowed_cidrs"].replace(",", " ").split(),
            "expires_at": timezone.now() + dt.timedelta(days=days) if days else None,
        }


@require_http_methods(["GET", "HEAD", "POST"])
@page(PERMISSION)
def api_keys(request: PageRequest) -> HttpResponse:
    """Show the keys that the actor may see; make one on request."""
    if request.method != "POST":
        return _shown(request, KeyForm(request.actor))
    form = KeyForm(request.actor, request.POST)
    if not form.is_valid():
        return _shown(request, form, status=422)
    try:
        services.require_proof_for_scopes(page_credentials(request), form.cleaned_data["scopes"])
        api_key, raw = services.create_api_key(actor=request.actor, **form.values())
    except DomainError as error:
        add_refusal(form, error)
        return _shown(request, form, status=422)
    return _shown(request, KeyForm(request.actor), fresh=api_key, raw=raw)


@require_POST
@page(PERMISSION)
def rotate_key(request: PageRequest, key_id: uuid.UUID) -> HttpResponse:
    """Replace a key; the old one is good for another day."""
    row = get_object_or_404(ApiKey.objects.visible_to(request.actor), pk=key_id)
    try:
        services.require_proof_for_scopes(page_credentials(request), row.scopes)
        api_key, raw = services.rotate_api_key(actor=request.actor, api_key=row, overlap_s=OVERLAP_S)
    except DomainError as error:
        messages.error(request, error.detail)
        return redirect("accounts:keys")
    return _shown(request, KeyForm(request.actor), fresh=api_key, raw=raw)


@require_POST
@page(PERMISSION)
def revoke_key(request: PageRequest, key_id: uuid.UUID) -> HttpResponse:
    """Refuse a key from now on."""
    row = get_object_or_404(ApiKey.objects.visible_to(request.actor), pk=key_id)
    services.revoke_api_key(actor=request.actor, api_key=row)
    messages.success(request, f"{row.name} is revoked.")
    return redirect("accounts:keys")


def _shown(
    request: PageRequest, form: KeyForm, *, fresh: ApiKey | None = None, raw: str = "", status: int = 200
) -> HttpResponse:
    """Return the page; with a raw key no cache and no way back to it."""
    rows = ApiKey.objects.visible_to(request.actor).order_by("name", "pk")
    context = {
        "keys": rows,
        "form": form,
        "fresh": fresh,
        "raw": raw,
        "shows_owner": request.actor.may("accounts.manage_keys"),
        "now": timezone.now(),
    }
    response = render(request, "accounts/keys.html", context, status=status)
    if raw:
        response["Cache-Control"] = "no-store"
    return response


def _scopes_of(actor: Actor) -> list[str]:
    """Return the scopes of which the actor's role holds something, and those that grant nothing by a role."""
    return [scope for scope in keys.SCOPES if not keys.SCOPES[scope] or keys.granted(actor.role, [scope])]
