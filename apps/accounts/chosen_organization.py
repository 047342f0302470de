"""The organization that somebody chose in the header of a page: kept in the page's session, until it ends."""

import uuid
from typing import Final

from django.contrib.sessions.backends.base import SessionBase

from apps.accounts.models import Organization

SESSION_KEY: Final = "sx_organization"


def chosen_organization(page: SessionBase) -> uuid.UUID | None:
    """Return the id of the chosen organization, None without a choice; its user may have left it since."""
    kept = page.get(SESSION_KEY)
    return uuid.UUID(kept) if kept else None


def choose_organization(page: SessionBase, organization: Organization) -> None:
    """Act in an organization from the next request on."""
    page[SESSION_KEY] = str(organization.pk)
