"""What the audit says of acts on accounts, of sign-ins, and of what happens in the admin."""

from typing import Final

VERBS: Final = {
    "accounts.invitation_accepted": "An invitation was accepted",
    "accounts.invitation_created": "Somebody was invited",
    "accounts.invitation_resent": "An invitation was sent again",
    "accounts.invitation_revoked": "An invitation was taken back",
    "accounts.job_cancelled": "A job was cancelled",
    "accounts.job_discarded": "A failed job was discarded",
    "accounts.job_retried": "A failed job was queued again",
    "accounts.key_created": "An API key was created",
    "accounts.key_revoked": "An API key was revoked",
    "accounts.member_added": "A user became a member",
    "accounts.member_removed": "A user is no member any more",
    "accounts.organization_changed": "An organization's settings were changed",
    "accounts.organization_created": "An organization was created",
    "accounts.organization_deleted": "An organization was deleted",
    "accounts.organization_purged": "A deleted organization was removed with all its data",
    "accounts.organization_restored": "A suspended organization was opened again",
    "accounts.organization_suspended": "An organization was closed to everybody",
    "accounts.profile_changed": "A user changed their profile",
    "accounts.role_changed": "A member got another role",
    "admin.acted": "An operator sent a form of the admin",
    "admin.viewed": "An operator looked at a page of the admin",
    "auth.address_locked": "An address was locked after failed sign-ins",
    "auth.reauthenticated": "A user proved again who they are",
    "auth.sign_in_failed": "A sign-in was refused",
    "auth.signed_in": "A user signed in",
    "auth.token_reused": "A refresh token was used twice, and its session ended",
    "auth.tokens_opened": "A signed-in page opened a token session",
}
