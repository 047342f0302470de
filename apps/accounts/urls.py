"""Pages of the base; sign-in and sign-out are allauth's, under `accounts/`."""

from django.urls import path

from apps.accounts import (
    account_views,
    invitation_views,
    job_views,
    key_views,
    member_views,
    notification_views,
    organization_views,
    views,
)

app_name = "accounts"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("jobs/", job_views.job_board, name="jobs"),
    path("accounts/password/forgot/", account_views.forgot_password, name="forgot-password"),
    path("accounts/password/reset/<str:key>/", account_views.reset_password, name="reset-password"),
    path("accounts/password/change/", account_views.change_password, name="change-password"),
    path("accounts/verify/", account_views.resend_verification, name="resend-verification"),
    path("accounts/verify/<str:key>/", account_views.verify_email, name="verify-email"),
    path("accounts/sessions/", account_views.sessions, name="sessions"),
    path("accounts/sessions/end/", account_views.end_all_sessions, name="end-all-sessions"),
    path("accounts/sessions/<uuid:session_id>/end/", account_views.end_session, name="end-session"),
    path("accounts/reauthenticate/", account_views.reauthenticate, name="reauthenticate"),
    path("accounts/invitations/<str:token>/", invitation_views.open_invitation, name="open-invitation"),
    path("accounts/organizations/", organization_views.organizations, name="organizations"),
    path(
        "accounts/organizations/switch/", organization_views.switch_organization, name="switch-organization"
    ),
    path("accounts/settings/", organization_views.organization_settings, name="organization-settings"),
    path("accounts/settings/delete/", organization_views.delete_organization, name="delete-organization"),
    path("accounts/members/", member_views.members, name="members"),
    path("accounts/members/invite/", member_views.invite_member, name="invite-member"),
    path("accounts/members/<uuid:user_id>/role/", member_views.change_role, name="change-role"),
    path("accounts/members/<uuid:user_id>/remove/", member_views.remove_member, name="remove-member"),
    path(
        "accounts/members/invitations/<uuid:invitation_id>/resend/",
        member_views.resend_invitation,
        name="resend-invitation",
    ),
    path(
        "accounts/members/invitations/<uuid:invitation_id>/revoke/",
        member_views.revoke_invitation,
        name="revoke-invitation",
    ),
    path("accounts/keys/", key_views.api_keys, name="keys"),
    path("accounts/keys/<uuid:key_id>/rotate/", key_views.rotate_key, name="rotate-key"),
    path("accounts/keys/<uuid:key_id>/revoke/", key_views.revoke_key, name="revoke-key"),
    path("accounts/invitation/", invitation_views.invitation, name="invitation"),
    path("notifications/", notification_views.notification_list, name="notifications"),
    path("notifications/read", notification_views.read_all, name="read-all-notifications"),
    path(
        "notifications/preferences/",
        notification_views.notification_preferences,
        name="notification-preferences",
    ),
    path("notifications/<uuid:notice_id>", notification_views.change_notice, name="change-notification"),
]
