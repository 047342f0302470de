"""Pages of one's own account: registration, forgotten passwords, sessions, proof of who it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import queries, services
from apps.accounts.forms import (
    AddressForm,
    ConfirmForm,
    NewPasswordForm,
    PasswordChangeForm,
    PasswordForm,
    SignUpForm,
)
from apps.accounts.invitation_views import SESSION_KEY as INVITATION_KEY
from apps.accounts.invitation_views import may_sign_up
from apps.accounts.models import Session, User
from apps.accounts.page_acts import add_refusal
from apps.accounts.pages import personal_page
from apps.accounts.services.sessions import PageMark
from apps.common import throttles
from apps.common.errors import DomainError
from apps.common.problems import problem_headers, status_of


@dataclass(frozen=True, slots=True)
class FormPage:
    """What a page with one form says."""

    title: str
    text: str
    submit: str


SIGN_UP = FormPage("Create an account", "A mail tells you how it goes on.", "Create the account")
FORGOT = FormPage("Forgotten password", "A link to set a new one comes by mail.", "Send the link")
RESEND = FormPage("Confirm your address", "The mail with the link can be sent again.", "Send it again")
RESET = FormPage("Set a new password", "You are signed out everywhere.", "Set the password")
VERIFY = FormPage("Confirm your address", "One click, and you can sign in.", "Confirm")
CHANGE = FormPage("Change your password", "All other sessions of yours end.", "Change the password")
PROVE = FormPage("Is it you?", "What you are about to do needs your password once more.", "Go on")


def _page(
    request: HttpRequest,
    facts: FormPage,
    form: forms.Form,
    act: Callable[[dict[str, Any]], HttpResponse],
) -> HttpResponse:
    """Show a form, or do what it asks for; an error of ours is shown in its place, with its status."""
    status, headers = 200, dict[str, str]()
    if request.method == "POST" and form.is_valid():
        try:
            return act(form.cleaned_data)
        except DomainError as error:
            status, headers = int(status_of(error)), problem_headers(error)
            add_refusal(form, error)
    context = {"page": facts, "form": form}
    response = render(request, "account/form.html", context, status=status)
    for header, value in headers.items():
        response[header] = value
    return response


def _form_view(view: Any) -> Any:
    """Return a view that takes GET and POST, and whose passwords stay out of error reports and caches."""
    guarded = never_cache(sensitive_post_parameters()(view))
    return require_http_methods(["GET", "HEAD", "POST"])(guarded)


@_form_view
def sign_up(request: HttpRequest) -> HttpResponse:
    """Register, with the invitation whose link was opened, or that `?invitation=` names."""
    token = request.GET.get("invitation") or request.session.get(INVITATION_KEY, "")
    invitation = queries.find_invitation(token) if token else None
    if not may_sign_up(invitation):
        return render(request, "account/signup_closed.html", status=403)

    def act(values: dict[str, Any]) -> HttpResponse:
        throttles.take_at(request, "auth_mail", address=values["email"])
        services.register(**values, invitation_token=token if invitation else "")
        request.session.pop(INVITATION_KEY, None)
        return _told(request, "Look into your mails: there is one that says how it goes on.")

    form = SignUpForm(request.POST if request.method == "POST" else None)
    if invitation is None:
        return _page(request, SIGN_UP, form, act)
    form.invite(invitation.email)
    text = f"You join {invitation.organization.name} with it. {SIGN_UP.text}"
    return _page(request, replace(SIGN_UP, text=text), form, act)


@_form_view
def forgot_password(request: HttpRequest) -> HttpResponse:
    """Ask for a link that sets a new password."""
    told = "If we know this address, a mail with a link is on its way."
    return _asked_by_address(request, FORGOT, services.ask_for_reset, told)


@_form_view
def resend_verification(request: HttpRequest) -> HttpResponse:
    """Ask for the mail of the confirmation again."""
    told = "If this address waits for its confirmation, a mail is on its way."
    return _asked_by_address(request, RESEND, services.ask_for_verification, told)


@_form_view
def reset_password(request: HttpRequest, key: str) -> HttpResponse:
    """Set a new password by the link from a mail."""

    def act(values: dict[str, Any]) -> HttpResponse:
        services.reset_password(key=key, password=values["password"])
        return _told(request, "Your new password is set. Sign in with it.")

    return _page(request, RESET, NewPasswordForm(request.POST or None), act)


@_form_view
def verify_email(request: HttpRequest, key: str) -> HttpResponse:
    """Confirm an address by the link from a mail; programs that look at links in mails confirm nothing."""

    def act(_values: dict[str, Any]) -> HttpResponse:
        services.verify_email(key=key)
        return _told(request, "Your address is confirmed. Sign in.")

    form = ConfirmForm(request.POST if request.method == "POST" else None)
    return _page(request, VERIFY, form, act)


@personal_page
@_form_view
def change_password(request: HttpRequest) -> HttpResponse:
    """Set a new password; all other sessions end."""

    def act(values: dict[str, Any]) -> HttpResponse:
        user = services.change_password(user=_user(request), session_id=_session_id(request), **values)
        update_session_auth_hash(request, user)
        messages.success(request, "Your password is changed, and your other sessions have ended.")
        return redirect("accounts:sessions")

    return _page(request, CHANGE, PasswordChangeForm(request.POST or None), act)


@personal_page
@_form_view
def reauthenticate(request: HttpRequest) -> HttpResponse:
    """Prove again who it is, and go on where `?next=` says."""

    def act(values: dict[str, Any]) -> HttpResponse:
        services.reauthenticate(user=_user(request), session_id=_session_id(request), **values)
        return HttpResponseRedirect(_next(request))

    return _page(request, PROVE, PasswordForm(request.POST or None), act)


@require_safe
@personal_page
def sessions(request: HttpRequest) -> HttpResponse:
    """List the sessions in use."""
    rows = queries.sessions_of(_user(request))
    return render(request, "accounts/sessions.html", {"sessions": rows, "current_id": _session_id(request)})


@require_POST
@personal_page
def end_session(request: HttpRequest, session_id: Any) -> HttpResponse:
    """End one session: "sign out there"; one that has ended already is no error."""
    session = get_object_or_404(Session, pk=session_id, user=_user(request))
    services.sign_out(user=_user(request), session_id=session.pk)
    return redirect("accounts:sessions")


@require_POST
@personal_page
def end_all_sessions(request: HttpRequest) -> HttpResponse:
    """End all sessions, this one included."""
    services.sign_out_everywhere(user=_user(request))
    return redirect("account_login")


def _asked_by_address(
    request: HttpRequest, facts: FormPage, ask: Callable[..., None], told: str
) -> HttpResponse:
    """Show a form with an address, or ask for what goes to it by mail; says the same of every address."""

    def act(values: dict[str, Any]) -> HttpResponse:
        throttles.take_at(request, "auth_mail", address=values["email"])
        ask(**values)
        return _told(request, told)

    return _page(request, facts, AddressForm(request.POST or None), act)


def _told(request: HttpRequest, text: str) -> HttpResponse:
    messages.success(request, text)
    return redirect("account_login")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `login_required` stands before
    return request.user


def _session_id(request: HttpRequest) -> Any:
    mark = PageMark.of(request.session)
    return mark.session_id if mark else None


def _next(request: HttpRequest) -> str:
    """Return where to go on; never to another host."""
    target = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if is_ours else reverse("accounts:overview")
