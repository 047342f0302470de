"""The page of members and invitations of the active organization."""

import uuid
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import services
from apps.accounts.forms import address_field, role_field
from apps.accounts.models import Invitation, Membership, Role
from apps.accounts.page_acts import act_and_tell, add_refusal, prove_first, require_recent_proof
from apps.accounts.pages import PageRequest, page
from apps.accounts.permissions import Actor
from apps.accounts.services.sessions import ReauthenticationRequired
from apps.common import throttles
from apps.common.errors import DomainError

MEMBERS: Final = "accounts:members"
ROWS_PER_PAGE: Final = 50


class InvitationForm(forms.Form):
    """Whom to invite, and as what."""

    email = address_field(completion="off")

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = role_field(actor.role)


@require_safe
@page("accounts.view")
def members(request: PageRequest) -> HttpResponse:
    """Show the members and whom else they wait for."""
    return _shown(request, InvitationForm(request.actor))


@require_POST
@page("accounts.invite")
def invite_member(request: PageRequest) -> HttpResponse:
    """Invite an address."""
    form = InvitationForm(request.actor, request.POST)
    if form.is_valid():
        try:
            _prove_for(request, form.cleaned_data["role"])
            throttles.take_at(request, "auth_mail", address=form.cleaned_data["email"])
            invitation = services.invite_member(actor=request.actor, **form.cleaned_data)
        except ReauthenticationRequired:
            return prove_first(request, MEMBERS)
        except DomainError as error:
            add_refusal(form, error)
        else:
            messages.success(request, f"A mail to {invitation.email} is on its way.")
            return redirect(MEMBERS)
    return _shown(request, form)


@require_POST
@page("accounts.manage_members")
def change_role(request: PageRequest, user_id: uuid.UUID) -> HttpResponse:
    """Give a member another role."""
    membership = _membership(request, user_id)
    role = request.POST.get("role", "")
    if role not in Role.values:
        messages.error(request, "Choose a role.")
        return redirect(MEMBERS)

    def change() -> None:
        _prove_for(request, role)
        services.change_role(actor=request.actor, membership=membership, role=Role(role))

    told = f"{membership.user.name} is {Role(role).label.lower()} now."
    return act_and_tell(request, change, told=told, back=MEMBERS)


@require_POST
@page("accounts.view")
def remove_member(request: PageRequest, user_id: uuid.UUID) -> HttpResponse:
    """End a membership, or one's own."""
    membership = _membership(request, user_id)
    is_own = request.user.pk == membership.user_id

    def remove() -> None:
        revoke_keys = "revoke_keys" in request.POST
        services.remove_member(actor=request.actor, membership=membership, revoke_keys=revoke_keys)

    who = "You are" if is_own else f"{membership.user.name} is"
    told = f"{who} no member of {request.actor.organization.name} any more."
    return act_and_tell(
        request, remove, told=told, back=MEMBERS, then="accounts:organizations" if is_own else MEMBERS
    )


@require_POST
@page("accounts.invite")
def resend_invitation(request: PageRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Send the mail again, with a new token."""
    row = _invitation(request, invitation_id)

    def send() -> None:
        throttles.take_at(request, "auth_mail", address=row.email)
        services.resend_invitation(actor=request.actor, invitation=row)

    told = f"A new mail to {row.email} is on its way; the link in the one before is void."
    return act_and_tell(request, send, told=told, back=MEMBERS)


@require_POST
@page("accounts.invite")
def revoke_invitation(request: PageRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Take an invitation back."""
    row = _invitation(request, invitation_id)
    return act_and_tell(
        request,
        lambda: services.revoke_invitation(actor=request.actor, invitation=row),
        told=f"The invitation of {row.email} is taken back.",
        back=MEMBERS,
    )


def _shown(request: PageRequest, form: InvitationForm) -> HttpResponse:
    actor = request.actor
    rows = Membership.objects.visible_to(actor).select_related("user").order_by("user__name", "pk")
    invitations = Invitation.objects.visible_to(actor).unanswered().select_related("invited_by")
    may_change = not actor.organization.is_system
    context = {
        "page": Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page")),
        "form": form,
        "roles": Role.choices,
        "may_invite": may_change and actor.may("accounts.invite"),
        "may_manage": may_change and actor.may("accounts.manage_members"),
        "may_leave": may_change,
        "invitations": invitations.order_by("email", "pk") if actor.may("accounts.invite") else (),
    }
    return render(request, "accounts/members.html", context, status=422 if form.errors else 200)


def _membership(request: PageRequest, user_id: uuid.UUID) -> Membership:
    rows = Membership.objects.visible_to(request.actor).select_related("user")
    return get_object_or_404(rows, user_id=user_id)


def _invitation(request: PageRequest, invitation_id: uuid.UUID) -> Invitation:
    return get_object_or_404(Invitation.objects.visible_to(request.actor).unanswered(), pk=invitation_id)


def _prove_for(request: PageRequest, role: str) -> None:
    """Raise ReauthenticationRequired if the admin role is given by who did not just prove who they are."""
    if role == Role.ADMIN:
        require_recent_proof(request)
