"""What buttons of pages do: one act, then back to a page that says how it went."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from apps.accounts import services
from apps.accounts.authentication import page_credentials
from apps.accounts.services.sessions import ReauthenticationRequired
from apps.common.errors import DomainError, Forbidden


def act_and_tell(
    request: HttpRequest, act: Callable[[], Any], *, told: str, back: str, then: str = ""
) -> HttpResponse:
    """Do it and go to the page named `then`, or back with what was wrong; raises Forbidden.

    Who has to prove first who they are is sent there, and comes back to do it again.
    """
    try:
        act()
    except ReauthenticationRequired:
        return prove_first(request, back)
    except Forbidden:
        raise
    except DomainError as error:
        messages.error(request, error.explain())
        return redirect(back)
    messages.success(request, told)
    return redirect(then or back)


def prove_first(request: HttpRequest, back: str) -> HttpResponse:
    """Send somebody to the page where they prove who they are, and from there to the page named `back`."""
    messages.warning(request, "Your sign-in is over 15 minutes old. Give your password, then do it again.")
    return HttpResponseRedirect(f"{reverse('accounts:reauthenticate')}?{urlencode({'next': reverse(back)})}")


def require_recent_proof(request: HttpRequest) -> None:
    """Raise ReauthenticationRequired unless the page's user proved in the last 15 minutes who they are."""
    found = page_credentials(request)
    if found is None:
        raise ReauthenticationRequired
    services.require_recent_authentication(found)


def add_refusal(form: forms.Form, error: DomainError) -> None:
    """Show a refusal in a form: at the field that an item names, else above the fields."""
    for item in error.errors:
        name = (item.pointer or "").strip("/").partition("/")[0]
        form.add_error(name if name in form.fields else None, item.detail)
    if not error.errors:
        form.add_error(None, error.detail)
