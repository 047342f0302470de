"""The tables of accounts."""

from apps.accounts.models.account_request import AccountRequest
from apps.accounts.models.api_key import ApiKey
from apps.accounts.models.audit import ActorType, AuditEntry, AuditHead
from apps.accounts.models.idempotency import IdempotencyRecord
from apps.accounts.models.invitation import Invitation
from apps.accounts.models.job import Job
from apps.accounts.models.lockout import LoginFailure
from apps.accounts.models.mail import Mail
from apps.accounts.models.notification import Notification, NotificationPreference
from apps.accounts.models.organization import Membership, Organization, Role
from apps.accounts.models.session import Session
from apps.accounts.models.user import User
from apps.common.notices import Level

__all__ = [
    "AccountRequest",
    "ActorType",
    "ApiKey",
    "AuditEntry",
    "AuditHead",
    "IdempotencyRecord",
    "Invitation",
    "Job",
    "Level",
    "LoginFailure",
    "Mail",
    "Membership",
    "Notification",
    "NotificationPreference",
    "Organization",
    "Role",
    "Session",
    "User",
]
