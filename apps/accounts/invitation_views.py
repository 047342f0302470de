"""The two pages behind the link of an invitation's mail; guests may open both."""

from typing import Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts import queries, services
from apps.accounts.chosen_organization import choose_organization
from apps.accounts.models import Invitation, User

# Also read by the sign-up, which takes the invited address as verified.
SESSION_KEY: Final = "invitation_token"


def may_sign_up(invitation: Invitation | None) -> bool:
    """Tell whether a guest may register, with the invitation that they may have."""
    return settings.SIGNUP_MODE == "open" or (settings.SIGNUP_MODE == "invite" and invitation is not None)


@never_cache
@require_safe
def open_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Keep the mailed token in the session and leave its address: no log, no referrer names it any more."""
    request.session[SESSION_KEY] = token
    return redirect("accounts:invitation")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest) -> HttpResponse:
    """Show who invites whom into what, and accept on request; a guest is led to the sign-in first."""
    token = request.session.get(SESSION_KEY, "")
    if request.method == "POST" and isinstance(request.user, User):
        membership = services.accept_invitation(user=request.user, token=token)
        del request.session[SESSION_KEY]
        choose_organization(request.session, membership.organization)
        messages.success(request, f"You are a member of {membership.organization.name} now.")
        return redirect("accounts:overview")
    found = queries.find_invitation(token) if token else None
    user = request.user if isinstance(request.user, User) else None
    context = {
        "invitation": found,
        "is_for_user": found is not None and user is not None and services.is_invited(user, found),
        "may_sign_up": may_sign_up(found),
    }
    return render(request, "accounts/invitation.html", context, status=200 if found else 404)
