"""The live topics of previews: `previews` for lists, `previews.<id>` for one session."""

from apps.accounts.permissions import Actor
from apps.common.live import register_topic
from apps.previews.announcing import PREVIEWS
from apps.previews.models import Session


def register() -> None:
    """Declare them; called once, when the app is ready."""
    register_topic(pattern=PREVIEWS, permission="previews.view")
    register_topic(pattern=f"{PREVIEWS}.<id>", permission="previews.view", visible=_is_there)


def _is_there(watcher: Actor, key: str) -> bool:
    """Tell whether the watcher sees a session; raises ValidationError for what is no id."""
    return Session.objects.visible_to(watcher).filter(pk=key).exists()
