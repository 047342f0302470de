"""The live topics of signals: `signals` for runs and lists, `signals.<id>` for one signal."""

from apps.accounts.permissions import Actor
from apps.common.live import register_topic
from apps.signals.announcing import SIGNALS
from apps.signals.models import Signal


def register() -> None:
    """Declare them; called once, when the app is ready."""
    register_topic(pattern=SIGNALS, permission="signals.view")
    register_topic(pattern=f"{SIGNALS}.<id>", permission="signals.view", visible=_is_there)


def _is_there(watcher: Actor, key: str) -> bool:
    """Tell whether the watcher sees a signal; raises ValidationError for what is no id."""
    return Signal.objects.visible_to(watcher).filter(pk=key).exists()
