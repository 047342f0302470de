"""The tables of accounts."""

from apps.accounts.models.api_key import ApiKey
from apps.accounts.models.idempotency import IdempotencyRecord
from apps.accounts.models.organization import Membership, Organization, Role
from apps.accounts.models.session import Session
from apps.accounts.models.user import User

__all__ = ["ApiKey", "IdempotencyRecord", "Membership", "Organization", "Role", "Session", "User"]
