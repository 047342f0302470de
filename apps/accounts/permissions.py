"""Who acts, and what they may do: the third of the four walls (authentication, view, service, queryset)."""

import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils import timezone

from apps.accounts import roles
from apps.accounts.key_usage import use_of_key
from apps.accounts.models import ApiKey, Organization, Role, User
from apps.common.errors import Forbidden
from apps.common.origin import current_origin
from apps.common.throttles import Caller


class Owned(Protocol):
    """A row that remembers who created it."""

    @property
    def created_by_id(self) -> uuid.UUID | None:
        """Return the id of the user who counts as its creator."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody acting in one organization: a user, an API key, or (with neither) the system itself.

    `permissions` are those of the role, for a key cut by its scopes; read per request, never from a token.
    """

    organization: Organization
    role: Role
    permissions: frozenset[str]
    user: User | None = None
    api_key: ApiKey | None = None

    @property
    def key(self) -> str:
        """Return the actor's stable name: `user:<id>`, `key:<id>` or `system`."""
        if self.api_key is not None:
            return f"key:{self.api_key.pk}"
        return f"user:{self.user.pk}" if self.user is not None else "system"

    @property
    def person(self) -> User | None:
        """Return the user behind the actor: for a key, its creator."""
        return self.user or (self.api_key.created_by if self.api_key else None)

    def initiates(self) -> dict[str, Any]:
        """Return the columns of a job's row that say who started it; `queries.initiator` reads them back."""
        return {
            "created_by": self.person,
            "initiator_key_id": self.api_key.pk if self.api_key is not None else None,
        }

    @property
    def caller(self) -> Caller:
        """Return how the actor is counted: a user by role, a key by its own rates, noting its use."""
        organization = str(self.organization.pk)
        api_key = self.api_key
        if api_key is None:
            return Caller(subject=self.key, column=self.role, organization=organization)
        return Caller(
            subject=self.key,
            column="key",
            organization=organization,
            requests_per_minute=api_key.rate_per_minute,
            points_per_minute=api_key.points_per_minute,
            note=use_of_key(str(api_key.pk), ip=current_origin().ip, now=timezone.now()),
        )

    def log_context(self) -> dict[str, str]:
        """Return who acts, as log lines name it."""
        found = {"organization_id": str(self.organization.pk)}
        if self.user is not None:
            found["user_id"] = str(self.user.pk)
        if self.api_key is not None:
            found["key_prefix"] = self.api_key.prefix
        return found

    def may(self, permission: str, target: Owned | None = None) -> bool:
        """Tell whether the actor holds `permission`, on `target` if it depends on the row.

        Who may write has the manager column on rows they created, in the apps where that holds.
        """
        if permission in self.permissions:
            return True
        is_own = target is not None and self.person is not None and target.created_by_id == self.person.pk
        return is_own and self.might(permission)

    def might(self, permission: str) -> bool:
        """Tell whether the actor holds `permission` at least on rows they created.

        A key counts as its creator where its scopes let it write.
        """
        app = permission.partition(".")[0]
        is_owners = app in roles.OWNED_APPS and permission in roles.manager_permissions(app)
        may_own = self.user is not None or (
            self.api_key is not None and f"{app}:write" in self.api_key.scopes
        )
        return permission in self.permissions or (self.role is not Role.VIEWER and may_own and is_owners)


def require(actor: Actor, permission: str, target: Owned | None = None) -> None:
    """Raise Forbidden unless the actor holds `permission`."""
    if not actor.may(permission, target):
        raise Forbidden(f"This needs the permission {permission}.")


def member_actor(*, user: User, organization: Organization, role: Role) -> Actor:
    """Return the actor of a user in an organization they are a member of."""
    return Actor(organization=organization, role=role, permissions=roles.PERMISSIONS[role], user=user)


def system_actor(organization: Organization) -> Actor:
    """Return the installation itself acting in an organization: clock jobs, sample data."""
    return Actor(organization=organization, role=Role.ADMIN, permissions=roles.ALL_PERMISSIONS)
