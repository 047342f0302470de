"""The writes of accounts, by noun."""

from apps.accounts.services.api_keys import create_api_key, flush_key_usage, revoke_api_key, use_api_key
from apps.accounts.services.audit import blank_person, operating, record_audit
from apps.accounts.services.invitations import (
    accept_invitation,
    invite_member,
    is_invited,
    resend_invitation,
    revoke_invitation,
)
from apps.accounts.services.jobs import cancel_job, discard_job, retry_job
from apps.accounts.services.keeping import RULES, purge_organization, purge_organizations
from apps.accounts.services.key_changes import (
    narrow_api_key,
    require_proof_for_scopes,
    rotate_api_key,
)
from apps.accounts.services.mails import send_mail
from apps.accounts.services.members import change_role, remove_member
from apps.accounts.services.notice_mails import mail_due_notices
from apps.accounts.services.notification_preferences import PreferenceChange, set_notice_preferences
from apps.accounts.services.notifications import (
    delete_notice,
    notify,
    read_all_notices,
    read_notices,
    set_read,
)
from apps.accounts.services.operators import end_session, end_sessions, lock_user, unlock_user
from apps.accounts.services.organizations import (
    add_member,
    bring_back,
    create_first_admin,
    create_organization,
    create_user,
    delete_organization,
    set_suspended,
    update_organization,
)
from apps.accounts.services.passwords import change_password
from apps.accounts.services.profiles import update_profile
from apps.accounts.services.registration import (
    ask_for_reset,
    ask_for_verification,
    register,
    reset_password,
    verify_email,
)
from apps.accounts.services.sealing import seal_audit
from apps.accounts.services.sessions import (
    label_session,
    require_recent_authentication,
    revoke_session,
    revoke_sessions,
    sign_out,
    sign_out_everywhere,
)
from apps.accounts.services.sign_in import open_tokens_of_page, reauthenticate, sign_in, sign_in_page
from apps.accounts.services.token_pairs import TokenPair, check_access, refresh_session

__all__ = [
    "RULES",
    "PreferenceChange",
    "TokenPair",
    "accept_invitation",
    "add_member",
    "ask_for_reset",
    "ask_for_verification",
    "blank_person",
    "bring_back",
    "cancel_job",
    "change_password",
    "change_role",
    "check_access",
    "create_api_key",
    "create_first_admin",
    "create_organization",
    "create_user",
    "delete_notice",
    "delete_organization",
    "discard_job",
    "end_session",
    "end_sessions",
    "flush_key_usage",
    "invite_member",
    "is_invited",
    "label_session",
    "lock_user",
    "mail_due_notices",
    "narrow_api_key",
    "notify",
    "open_tokens_of_page",
    "operating",
    "purge_organization",
    "purge_organizations",
    "read_all_notices",
    "read_notices",
    "reauthenticate",
    "record_audit",
    "refresh_session",
    "register",
    "remove_member",
    "require_proof_for_scopes",
    "require_recent_authentication",
    "resend_invitation",
    "reset_password",
    "retry_job",
    "revoke_api_key",
    "revoke_invitation",
    "revoke_session",
    "revoke_sessions",
    "rotate_api_key",
    "seal_audit",
    "send_mail",
    "set_notice_preferences",
    "set_read",
    "set_suspended",
    "sign_in",
    "sign_in_page",
    "sign_out",
    "sign_out_everywhere",
    "unlock_user",
    "update_organization",
    "update_profile",
    "use_api_key",
    "verify_email",
]
