"""Users, organizations and who belongs where."""

import datetime as dt
import itertools
import re
import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.email_domains import normal_domain
from apps.accounts.models import Membership, Organization, Role, User
from apps.accounts.models.organization import SYSTEM_SLUG
from apps.accounts.permissions import Actor, require
from apps.accounts.queries import UUID_PATTERN
from apps.accounts.services.announcing import announce_organization
from apps.accounts.services.audit import record_audit
from apps.accounts.services.passwords import accepted_password
from apps.common import live
from apps.common.errors import Conflict, Duplicate, FieldError, Forbidden, Invalid, NotFound

# What an admin deleted by mistake an operator can bring back in this time.
DELETED_KEPT_FOR = dt.timedelta(days=30)
SLUG_PATTERN = re.compile(r"[a-z0-9-]{2,60}")
# Short names that mean something else wherever an organization is named.
RESERVED_SLUGS = frozenset({SYSTEM_SLUG, "admin", "all", "api", "default", "me", "new", "none", "null"})


class SlugTaken(Duplicate):
    """Another organization has this short name."""

    code = "accounts.slug_taken"


class AlreadyMember(Duplicate):
    """The user belongs to the organization already."""

    code = "accounts.already_member"


class EmailTaken(Duplicate):
    """Somebody uses this address already."""

    code = "accounts.email_taken"


@transaction.atomic
def create_user(*, email: str, name: str, password: str | None, is_staff: bool = False) -> User:
    """Create a user; without a password they cannot sign in by one. Raises EmailTaken, Invalid.

    Who creates a user vouches for the address; people who register show that it is theirs.
    """
    user = User(email=email.strip(), name=name, is_staff=is_staff, email_verified_at=timezone.now())
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(accepted_password(password, user))
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise EmailTaken from error
    return user


@transaction.atomic
def create_organization(*, name: str, slug: str = "", creator: User | None = None) -> Organization:
    """Create an organization, its creator being its admin; without a slug one is made from the name.

    Raises SlugTaken, and Invalid for a slug that is not 2 to 60 of a-z, 0-9 and dash.
    """
    if slug:
        _check_slug(slug)
    organization = Organization(name=name, slug=slug or _free_slug(name))
    _save_named(organization)
    record_audit(
        actor=creator,
        verb="accounts.organization_created",
        target=organization,
        organization=organization,
        changes={"name": organization.name, "slug": organization.slug},
    )
    if creator is not None:
        add_member(organization=organization, user=creator, role=Role.ADMIN, actor=creator)
    return organization


@transaction.atomic
def update_organization(
    *,
    actor: Actor,
    organization: Organization,
    name: str | None = None,
    slug: str | None = None,
    require_mfa: bool | None = None,
    allowed_email_domains: Sequence[str] | None = None,
) -> Organization:
    """Change what is given; the domains count for whoever joins from now on.

    Raises Forbidden (always for `system`), SlugTaken, Invalid.
    """
    require_here(actor, "accounts.manage_organization", organization.pk)
    refuse_system(organization)
    _refuse_mfa(require_mfa)
    domains = None if allowed_email_domains is None else _checked_domains(allowed_email_domains)
    if slug is not None and slug != organization.slug:
        _check_slug(slug)
    wanted = {"name": name, "slug": slug, "require_mfa": require_mfa, "allowed_email_domains": domains}
    changes = _apply(organization, wanted)
    if changes:
        _save_named(organization)
        record_audit(actor=actor, verb="accounts.organization_changed", target=organization, changes=changes)
        announce_organization(organization.pk, *changes)
    return organization


@transaction.atomic
def delete_organization(*, actor: Actor, organization: Organization) -> None:
    """Hide an organization from everybody at once; 30 days later the clock drops it. Repeatable."""
    require_here(actor, "accounts.manage_organization", organization.pk)
    refuse_system(organization)
    now = timezone.now()
    living = Organization.objects.living().filter(pk=organization.pk)
    if not living.update(deleted_at=now, updated_at=now):
        return
    User.objects.filter(default_organization=organization).update(default_organization=None)
    record_audit(actor=actor, verb="accounts.organization_deleted", target=organization)
    live.revoke(organization_id=organization.pk)


@transaction.atomic
def add_member(
    *, organization: Organization, user: User, role: Role, actor: Actor | User | None = None
) -> Membership:
    """Make a user a member; their first organization becomes their default. Raises AlreadyMember."""
    try:
        with transaction.atomic():
            membership = Membership.objects.create(organization=organization, user=user, role=role)
    except IntegrityError as error:
        raise AlreadyMember from error
    if user.default_organization_id is None:
        user.default_organization = organization
        user.save(update_fields=["default_organization", "updated_at"])
    record_audit(
        actor=actor,
        verb="accounts.member_added",
        target=user,
        organization=organization,
        changes={"role": role},
    )
    announce_organization(organization.pk, "members")
    return membership


@transaction.atomic
def create_first_admin(
    *, email: str, password: str, organization_name: str, name: str = "Administrator"
) -> User:
    """Return the operator of a fresh installation: staff, admin of the organization and of `system`.

    Repeatable: whoever exists keeps name, password and role; what is missing is added.
    """
    user: User | None = User.objects.with_email(email).first()
    if user is None:
        user = create_user(email=email, name=name, password=password, is_staff=True)
    elif user.email_verified_at is None:
        # Somebody registered with the operator's address, and never showed that it is theirs.
        user.set_password(accepted_password(password, user))
        user.name, user.email_verified_at = name, timezone.now()
    user.is_staff = True
    user.save()
    organization = Organization.objects.living().filter(name=organization_name).order_by("created_at").first()
    organization = organization or create_organization(name=organization_name)
    for each in (organization, Organization.objects.get(slug=SYSTEM_SLUG)):
        if not Membership.objects.filter(organization=each, user=user).exists():
            add_member(organization=each, user=user, role=Role.ADMIN)
    return user


@transaction.atomic
def set_suspended(*, organization: Organization, is_suspended: bool) -> None:
    """Close an organization to everybody, or open it again; the first time of closing stays. Repeatable.

    Raises Forbidden for `system`, from which operators would lock themselves out.
    """
    refuse_system(organization)
    now = timezone.now()
    changed = Organization.objects.filter(pk=organization.pk, suspended_at__isnull=is_suspended)
    if not changed.update(suspended_at=now if is_suspended else None, updated_at=now):
        return
    verb = "accounts.organization_suspended" if is_suspended else "accounts.organization_restored"
    record_audit(actor=None, verb=verb, target=organization, organization=organization)
    live.revoke(organization_id=organization.pk)


@transaction.atomic
def bring_back(*, organization: Organization) -> None:
    """Undo a deletion; repeatable. Raises Conflict once the clock may be dropping the data."""
    now = timezone.now()
    deleted = Organization.objects.filter(pk=organization.pk, deleted_at__isnull=False)
    # Conditional, and stricter by an hour than the clock that drops what is 30 days old.
    kept = deleted.filter(deleted_at__gt=now - DELETED_KEPT_FOR + dt.timedelta(hours=1))
    if kept.update(deleted_at=None, updated_at=now):
        record_audit(
            actor=None,
            verb="accounts.organization_brought_back",
            target=organization,
            organization=organization,
        )
    elif deleted.exists():
        raise Conflict("The 30 days are over: its data is being removed.")


def require_here(actor: Actor, permission: str, organization_id: uuid.UUID) -> None:
    """Raise NotFound if the actor acts in another organization, Forbidden without the permission."""
    if organization_id != actor.organization.pk:
        raise NotFound
    require(actor, permission)


def refuse_system(organization: Organization) -> None:
    """Raise Forbidden for the installation's own organization, which operators manage by command."""
    if organization.is_system:
        raise Forbidden("The installation's own organization is managed by command.")


def _save_named(organization: Organization) -> None:
    """Save; raises SlugTaken."""
    try:
        with transaction.atomic():
            organization.save()
    except IntegrityError as error:
        raise SlugTaken from error


def _apply(organization: Organization, wanted: dict[str, Any]) -> dict[str, Any]:
    """Set what is given and new; return it by field."""
    changes = {
        field: value
        for field, value in wanted.items()
        if value is not None and value != getattr(organization, field)
    }
    for field, value in changes.items():
        setattr(organization, field, value)
    return changes


def _check_slug(slug: str) -> None:
    """Raise Invalid for what is no short name, SlugTaken for one that means something else."""
    if not SLUG_PATTERN.fullmatch(slug):
        raise Invalid(errors=[FieldError("Use 2 to 60 of a-z, 0-9 and dash.", pointer="/slug")])
    # What looks like an id would be read as one in X-Organization.
    if slug in RESERVED_SLUGS or UUID_PATTERN.fullmatch(slug):
        raise SlugTaken("This short name is reserved.")


def _refuse_mfa(is_wanted: bool | None) -> None:
    """Raise Invalid for what would protect nothing: nobody can set a second factor up yet."""
    if is_wanted:
        wrong = FieldError(
            "Sign-in with a second factor is not available yet; give false.",
            code="not_available",
            pointer="/require_mfa",
        )
        raise Invalid(errors=[wrong])


def _checked_domains(domains: Sequence[str]) -> list[str]:
    """Return the domains in normal form, each once; raises Invalid."""
    found: dict[str, None] = {}
    for number, domain in enumerate(domains):
        try:
            found[normal_domain(domain)] = None
        except ValueError as error:
            item = FieldError("This is no domain.", pointer=f"/allowed_email_domains/{number}")
            raise Invalid(errors=[item]) from error
    return list(found)


def _free_slug(name: str) -> str:
    """Return a slug made from a name that no organization has yet."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50] or "organization"
    base = base if len(base) > 1 else f"{base}-1"
    taken = RESERVED_SLUGS.union(
        Organization.objects.filter(slug__startswith=base).values_list("slug", flat=True)
    )
    numbered = (f"{base}-{number}" for number in itertools.count(2))
    return next(slug for slug in itertools.chain([base], numbered) if slug not in taken)
