"""Members of an organization: their role, and their leaving. An organization keeps an admin."""

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import ApiKey, Membership, Organization, Role, User
from apps.accounts.permissions import Actor
from apps.accounts.services.announcing import announce_organization
from apps.accounts.services.audit import record_audit
from apps.accounts.services.notifications import notify
from apps.accounts.services.organizations import refuse_system, require_here
from apps.common import live
from apps.common.errors import Conflict, NotFound


class LastAdmin(Conflict):
    """An organization keeps at least one admin.

    Make somebody else an admin first, or delete the organization.
    """

    code = "accounts.last_admin"


@transaction.atomic
def change_role(*, actor: Actor, membership: Membership, role: Role) -> Membership:
    """Give a member another role, from their next request on; raises LastAdmin, NotFound if they left."""
    require_here(actor, "accounts.manage_members", membership.organization_id)
    membership = _locked(membership)
    if membership.role == role:
        return membership
    if role != Role.ADMIN:
        _refuse_last_admin(membership)
    previous, membership.role = membership.role, role
    membership.save(update_fields=["role", "updated_at"])
    entry = record_audit(
        actor=actor,
        verb="accounts.role_changed",
        target=membership.user,
        changes={"role": role, "previous_role": previous},
    )
    _tell(membership)
    if not _is_own(actor, membership):
        notify(
            user=membership.user,
            kind="accounts.role_changed",
            title=f"You are {Role(role).label.lower()} of {membership.organization.name} now",
            body=f"You were {Role(previous).label.lower()} before.",
            organization=membership.organization,
            dedupe_key=f"role_changed:{entry.pk}",
        )
    return membership


@transaction.atomic
def remove_member(*, actor: Actor, membership: Membership, revoke_keys: bool = False) -> None:
    """End a membership, of anybody by an admin, of themselves by everybody; their keys live on unless told.

    Raises LastAdmin, NotFound if they have left already.
    """
    is_own = _is_own(actor, membership)
    require_here(actor, "accounts.view" if is_own else "accounts.manage_members", membership.organization_id)
    membership = _locked(membership)
    _refuse_last_admin(membership)
    user, organization = membership.user, membership.organization
    membership.delete()
    User.objects.filter(pk=user.pk, default_organization=organization).update(default_organization=None)
    revoked = _revoke_keys(user, organization) if revoke_keys else 0
    changes = {"revoked_keys": revoked}
    entry = record_audit(actor=actor, verb="accounts.member_removed", target=user, changes=changes)
    _tell(membership)
    if not is_own:
        notify(
            user=user,
            kind="accounts.membership_ended",
            title=f"You no longer belong to {organization.name}",
            body="Its data is not open to you any more. Ask an admin of it if that is a mistake.",
            dedupe_key=f"membership_ended:{entry.pk}",
        )


def _is_own(actor: Actor, membership: Membership) -> bool:
    return actor.user is not None and actor.user.pk == membership.user_id


def _locked(membership: Membership) -> Membership:
    """Return the membership as it stands, with its organization locked.

    The lock is on the organization, so that of two last admins who leave at once the second sees the first
    gone.
    """
    organization = Organization.objects.select_for_update(no_key=True).get(pk=membership.organization_id)
    refuse_system(organization)
    found = (
        Membership.objects.select_related("user", "organization")
        .filter(organization=organization, user=membership.user_id)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def _refuse_last_admin(membership: Membership) -> None:
    """Raise LastAdmin if nobody else could run the organization; who is locked out cannot."""
    admins = Membership.objects.filter(
        organization=membership.organization_id, role=Role.ADMIN, user__is_active=True
    )
    if membership.role == Role.ADMIN and not admins.exclude(user=membership.user_id).exists():
        raise LastAdmin


def _revoke_keys(user: User, organization: Organization) -> int:
    """Revoke the keys that a user made in an organization, and close their websockets."""
    rows = ApiKey.objects.filter(organization=organization, created_by=user, revoked_at__isnull=True)
    ids = list(rows.values_list("pk", flat=True))
    rows.filter(pk__in=ids).update(revoked_at=timezone.now(), updated_at=timezone.now())
    for key_id in ids:
        live.revoke(api_key_id=key_id)
    return len(ids)


def _tell(membership: Membership) -> None:
    """Have the member's open connections checked again, and tell whoever watches the organization."""
    live.revoke(user_id=membership.user_id)
    announce_organization(membership.organization.pk, "members")
