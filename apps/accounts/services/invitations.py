"""Invitations by mail: sent, sent again, taken back, accepted."""

import datetime as dt
import secrets
from typing import Final

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts import queries
from apps.accounts.email_domains import is_in_domains
from apps.accounts.letters import page_address
from apps.accounts.models import Invitation, Membership, Organization, Role, User
from apps.accounts.permissions import Actor, require
from apps.accounts.services.announcing import announce_organization
from apps.accounts.services.api_keys import RoleTooHigh
from apps.accounts.services.audit import record_audit
from apps.accounts.services.mails import send_mail
from apps.accounts.services.notifications import notify
from apps.accounts.services.organizations import (
    AlreadyMember,
    add_member,
    refuse_system,
    require_here,
)
from apps.common.errors import Duplicate, FieldError, Forbidden, Invalid, NotFound

LIFETIME: Final = dt.timedelta(days=7)
TOKEN_BYTES: Final = 32


@transaction.atomic
def invite_member(*, actor: Actor, email: str, role: Role) -> Invitation:
    """Invite an address and send it the token.

    Raises RoleTooHigh above the actor's own role, AlreadyMember, Duplicate for an address with a pending
    invitation, Invalid for one outside the organization's domains.
    """
    organization, email, role = actor.organization, email.strip(), Role(role)
    _refuse_invitation(actor, role)
    if not is_in_domains(email, organization.allowed_email_domains):
        detail = f"Members come from these domains only: {', '.join(organization.allowed_email_domains)}."
        raise Invalid(errors=[FieldError(detail, code="domain_not_allowed", pointer="/email")])
    if Membership.objects.filter(organization=organization, user__email__iexact=email).exists():
        raise AlreadyMember
    now, token = timezone.now(), secrets.token_urlsafe(TOKEN_BYTES)
    same = Invitation.objects.unanswered().filter(organization=organization, email__iexact=email)
    same.filter(expires_at__lte=now).update(revoked_at=now, updated_at=now)
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                organization=organization,
                email=email,
                role=role,
                token_hash=queries.invitation_hash(token),
                invited_by=actor.person,
                expires_at=now + LIFETIME,
            )
    except IntegrityError as error:
        raise Duplicate("This address is invited already; send that mail again instead.") from error
    record_audit(actor=actor, verb="accounts.invitation_created", target=invitation, changes={"role": role})
    _send(actor, invitation, token)
    return invitation


@transaction.atomic
def resend_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Send a new token for another seven days; the one sent before is void.

    Raises RoleTooHigh, NotFound for an invitation that was answered or taken back meanwhile.
    """
    require_here(actor, "accounts.invite", invitation.organization_id)
    _refuse_invitation(actor, Role(invitation.role))
    now, token = timezone.now(), secrets.token_urlsafe(TOKEN_BYTES)
    # Conditional: somebody may be accepting it right now.
    unanswered = Invitation.objects.unanswered().filter(pk=invitation.pk)
    if not unanswered.update(
        token_hash=queries.invitation_hash(token), expires_at=now + LIFETIME, updated_at=now
    ):
        raise NotFound
    invitation.refresh_from_db()
    record_audit(actor=actor, verb="accounts.invitation_resent", target=invitation)
    _send(actor, invitation, token)
    return invitation


@transaction.atomic
def revoke_invitation(*, actor: Actor, invitation: Invitation) -> None:
    """Take an invitation back; raises NotFound if it was answered or taken back meanwhile."""
    require_here(actor, "accounts.invite", invitation.organization_id)
    now = timezone.now()
    if not Invitation.objects.unanswered().filter(pk=invitation.pk).update(revoked_at=now, updated_at=now):
        raise NotFound
    record_audit(actor=actor, verb="accounts.invitation_revoked", target=invitation)
    announce_organization(actor.organization.pk, "invitations")


@transaction.atomic
def accept_invitation(*, user: User, token: str) -> Membership:
    """Make a user a member by the token that was mailed to their verified address.

    Raises NotFound for any other token or address, OrganizationSuspended, Forbidden outside the
    organization's domains, AlreadyMember.
    """
    invitation = queries.find_invitation(token)
    if invitation is None or not is_invited(user, invitation):
        raise NotFound("There is no such invitation for your address.")
    organization = invitation.organization
    queries.refuse_suspended(organization)
    if not is_in_domains(user.email, organization.allowed_email_domains):
        raise Forbidden("The organization takes no members of your address's domain any more.")
    now = timezone.now()
    # Conditional: of two clicks at once one accepts.
    pending = Invitation.objects.pending().filter(pk=invitation.pk, token_hash=invitation.token_hash)
    if not pending.update(accepted_at=now, updated_at=now):
        raise NotFound("There is no such invitation for your address.")
    record_audit(
        actor=user, verb="accounts.invitation_accepted", target=invitation, organization=organization
    )
    return add_member(organization=organization, user=user, role=Role(invitation.role), actor=user)


def _refuse_invitation(actor: Actor, role: Role) -> None:
    require(actor, "accounts.invite")
    refuse_system(actor.organization)
    if role.rank > actor.role.rank:
        raise RoleTooHigh


def is_invited(user: User, invitation: Invitation) -> bool:
    """Tell whether an invitation is for an address that the user has shown to be theirs."""
    is_same = invitation.email.lower() == user.email.lower()
    return is_same and user.email_verified_at is not None


def _send(actor: Actor, invitation: Invitation, token: str) -> None:
    """Mail the token, and tell whoever watches the organization."""
    organization: Organization = invitation.organization
    context = {
        "organization": organization.name,
        "inviter": actor.person.name if actor.person else organization.name,
        "role": Role(invitation.role).label.lower(),
        "link": page_address(reverse("accounts:open-invitation", args=[token])),
        "until": f"{invitation.expires_at:%-d %B %Y, %H:%M} UTC",
    }
    send_mail(to=invitation.email, template="invitation", context=context)
    invited = User.objects.with_email(invitation.email).filter(email_verified_at__isnull=False).first()
    if invited is not None:
        notify(
            user=invited,
            kind="accounts.invited",
            title=f"{context['inviter']} invites you to {organization.name}",
            body="The mail that was sent to you has the link by which you join.",
            organization=organization,
            dedupe_key=f"accounts.invited:{invitation.pk}",
        )
    announce_organization(organization.pk, "invitations")
