"""The writes of accounts, by noun."""

from apps.accounts.services.api_keys import create_api_key, revoke_api_key, use_api_key
from apps.accounts.services.audit import blank_person, operating, record_audit
from apps.accounts.services.jobs import cancel_job, discard_job, retry_job
from apps.accounts.services.keeping import RULES, purge_organization, purge_organizations
from apps.accounts.services.mails import send_mail
from apps.accounts.services.notice_mails import mail_due_notices
from apps.accounts.services.notification_preferences import PreferenceChange, set_notice_preferences
from apps.accounts.services.notifications import (
    delete_notice,
    notify,
    read_all_notices,
    read_notices,
    set_read,
)
from apps.accounts.services.organizations import (
    add_member,
    create_first_admin,
    create_organization,
    create_user,
    set_active,
    set_suspended,
)
from apps.accounts.services.sealing import seal_audit
from apps.accounts.services.sessions import (
    TokenPair,
    check_access,
    refresh_session,
    revoke_session,
    revoke_sessions,
    sign_in,
)

__all__ = [
    "RULES",
    "PreferenceChange",
    "TokenPair",
    "add_member",
    "blank_person",
    "cancel_job",
    "check_access",
    "create_api_key",
    "create_first_admin",
    "create_organization",
    "create_user",
    "delete_notice",
    "discard_job",
    "mail_due_notices",
    "notify",
    "operating",
    "purge_organization",
    "purge_organizations",
    "read_all_notices",
    "read_notices",
    "record_audit",
    "refresh_session",
    "retry_job",
    "revoke_api_key",
    "revoke_session",
    "revoke_sessions",
    "seal_audit",
    "send_mail",
    "set_active",
    "set_notice_preferences",
    "set_read",
    "set_suspended",
    "sign_in",
    "use_api_key",
]
