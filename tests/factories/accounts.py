"""People, organizations and memberships."""

from functools import cache
from typing import Any

import factory
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from factory.django import DjangoModelFactory

from apps.accounts.models import Membership, Organization, Role, User

PASSWORD = "a long enough sentence"


@cache
def password_hash() -> str:
    """Return the hash of PASSWORD, computed once."""
    return make_password(PASSWORD)


class OrganizationFactory(DjangoModelFactory[Organization]):
    """An organization without members."""

    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")
    slug = factory.Sequence(lambda n: f"organization-{n}")


class UserFactory(DjangoModelFactory[User]):
    """A user who signs in with PASSWORD and belongs to no organization."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    name = factory.Sequence(lambda n: f"Person {n}")
    password = factory.LazyFunction(password_hash)
    email_verified_at = factory.LazyFunction(timezone.now)


class MembershipFactory(DjangoModelFactory[Membership]):
    """A user in an organization."""

    class Meta:
        model = Membership

    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.VIEWER


def create_member(organization: Organization, role: Role, **fields: Any) -> User:
    """Create a user who is a member of `organization`, which is their default one."""
    user = UserFactory.create(default_organization=organization, **fields)
    MembershipFactory.create(organization=organization, user=user, role=role)
    return user
