"""Users, organizations and who belongs where."""

import re
import unicodedata

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import Membership, Organization, Role, User
from apps.common.errors import Duplicate, FieldError, Invalid

SLUG_PATTERN = re.compile(r"[a-z0-9-]{2,60}")
SYSTEM_SLUG = "system"
PASSWORD_MAX_LENGTH = 128


class SlugTaken(Duplicate):
    """Another organization has this short name."""

    code = "accounts.slug_taken"


class AlreadyMember(Duplicate):
    """The user belongs to the organization already."""

    code = "accounts.already_member"


class EmailTaken(Duplicate):
    """Somebody uses this address already."""

    code = "accounts.email_taken"


def normalized_password(password: str) -> str:
    """Return a password in the one form it is hashed in: the same keys give other bytes on other systems."""
    return unicodedata.normalize("NFKC", password)


@transaction.atomic
def create_user(*, email: str, name: str, password: str | None, is_staff: bool = False) -> User:
    """Create a user; without a password they cannot sign in by one. Raises EmailTaken, Invalid."""
    user = User(email=email.strip(), name=name, is_staff=is_staff)
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(_accepted_password(password, user))
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
    if slug and not SLUG_PATTERN.fullmatch(slug):
        raise Invalid(errors=[FieldError("Use 2 to 60 of a-z, 0-9 and dash.", pointer="/slug")])
    organization = Organization(name=name, slug=slug or _free_slug(name))
    try:
        with transaction.atomic():
            organization.save()
    except IntegrityError as error:
        raise SlugTaken from error
    if creator is not None:
        add_member(organization=organization, user=creator, role=Role.ADMIN)
    return organization


@transaction.atomic
def add_member(*, organization: Organization, user: User, role: Role) -> Membership:
    """Make a user a member; their first organization becomes their default. Raises AlreadyMember."""
    try:
        with transaction.atomic():
            membership = Membership.objects.create(organization=organization, user=user, role=role)
    except IntegrityError as error:
        raise AlreadyMember from error
    if user.default_organization_id is None:
        user.default_organization = organization
        user.save(update_fields=["default_organization", "updated_at"])
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
    organization = Organization.objects.living().filter(name=organization_name).order_by("created_at").first()
    organization = organization or create_organization(name=organization_name)
    for each in (organization, Organization.objects.get(slug=SYSTEM_SLUG)):
        if not Membership.objects.filter(organization=each, user=user).exists():
            add_member(organization=each, user=user, role=Role.ADMIN)
    return user


def set_active(*, user: User, is_active: bool) -> None:
    """Let a user in or lock them out; their tokens are refused from the next request on. Repeatable."""
    User.objects.filter(pk=user.pk).update(is_active=is_active, updated_at=timezone.now())


def set_suspended(*, organization: Organization, is_suspended: bool) -> None:
    """Close an organization to everybody, or open it again; the first time of closing stays. Repeatable."""
    now = timezone.now()
    changed = Organization.objects.filter(pk=organization.pk, suspended_at__isnull=is_suspended)
    changed.update(suspended_at=now if is_suspended else None, updated_at=now)


def _accepted_password(password: str, user: User) -> str:
    """Return the password in its normal form; raises Invalid for a weak one."""
    normalized = normalized_password(password)
    if len(normalized) > PASSWORD_MAX_LENGTH:
        detail = f"A password has at most {PASSWORD_MAX_LENGTH} characters."
        raise Invalid(errors=[FieldError(detail, code="password_too_long", pointer="/password")])
    try:
        validate_password(normalized, user)
    except ValidationError as error:
        items = [FieldError(text, code="password_weak", pointer="/password") for text in error.messages]
        raise Invalid(errors=items) from error
    return normalized


def _free_slug(name: str) -> str:
    """Return a slug made from a name that no organization has yet."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50] or "organization"
    base = base if len(base) > 1 else f"{base}-1"
    taken = set(Organization.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (base, *numbered) if slug not in taken)
