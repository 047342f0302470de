"""The platform's own live topics; jobs register theirs with their kinds (platform.md section 12)."""

from apps.common.live import register_topic

NOTIFICATIONS = "notifications"
SESSION = "session"
ORGANIZATION = "organization"


def register_topics() -> None:
    """Declare them; called once the apps are loaded."""
    # Those of one person follow them into each of their organizations.
    register_topic(pattern=NOTIFICATIONS, permission="accounts.view", private=True)
    register_topic(pattern=SESSION, permission="accounts.view", private=True)
    register_topic(pattern=ORGANIZATION, permission="accounts.view")
