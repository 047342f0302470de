"""Pages of the base; sign-in and sign-out are allauth's, under `accounts/`."""

from django.urls import path

from apps.accounts import invitation_views, job_views, key_views, notification_views, views

app_name = "accounts"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("jobs/", job_views.job_board, name="jobs"),
    path("accounts/invitations/<str:token>/", invitation_views.open_invitation, name="open-invitation"),
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
