"""The registry of topics: which there are, and who may watch them.

Every app registers its own in `AppConfig.ready()`. A pattern is a literal name (`datasets`) or one with
placeholders (`datasets.<id>`); a placeholder takes one part between dots, the last one also the rest.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from django.core.exceptions import ValidationError

from apps.common.errors import Forbidden, NotFound

TOPIC_MAX_CHARS: Final = 200
_PLACEHOLDER: Final = re.compile(r"<([a-z_]+)>")


class Home(Protocol):
    """The organization somebody acts in, as far as topics need it."""

    @property
    def pk(self) -> uuid.UUID:
        """Return the organization's key."""


class Watcher(Protocol):
    """Whoever subscribes; accounts' Actor is one."""

    @property
    def organization(self) -> Home:
        """Return the organization they act in."""

    @property
    def key(self) -> str:
        """Return their stable name."""

    def may(self, permission: str) -> bool:
        """Tell whether they hold `permission`."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of topic. `visible` gets the watcher and the placeholders' values, in order."""

    pattern: str
    permission: str
    visible: Callable[..., bool] | None
    expression: re.Pattern[str]

    def is_open_to(self, watcher: Watcher, name: str) -> bool:
        """Tell whether the object that `name` speaks of is there for the watcher; may query."""
        match = self.expression.fullmatch(name)
        if match is None:
            return False
        if self.visible is None:
            return True
        try:
            return self.visible(watcher, *match.groups())
        except (ValueError, ValidationError):  # the client's id is not even an id
            return False


_topics: dict[str, Topic] = {}


def register_topic(*, pattern: str, permission: str, visible: Callable[..., bool] | None = None) -> None:
    """Declare a topic; `visible(actor, id)` says whether that row is the actor's to see.

    Registering the same pattern again replaces it. Raises ValueError for placeholders without `visible`.
    """
    names = _PLACEHOLDER.findall(pattern)
    if names and visible is None:
        raise ValueError(f"topic {pattern} names a row, so it needs visible=")
    parts = [re.escape(part) for part in _PLACEHOLDER.sub("\0", pattern).split("\0")]
    groups = [r"([^.]+)"] * (len(names) - 1) + [r"(.+)"] * bool(names)
    expression = "".join(part + group for part, group in zip(parts, [*groups, ""], strict=True))
    _topics[pattern] = Topic(pattern, permission, visible, re.compile(expression))


def resolve_topic(watcher: Watcher, name: str) -> Topic:
    """Return the topic that `name` belongs to, if the watcher may see it; may query.

    Raises NotFound for an unknown topic and for another organization's row, Forbidden without the permission.
    """
    literal_first = sorted(_topics.values(), key=lambda topic: "<" in topic.pattern)
    topic = next((topic for topic in literal_first if topic.expression.fullmatch(name)), None)
    if topic is None or len(name) > TOPIC_MAX_CHARS:
        raise NotFound("There is no such topic.")
    if not watcher.may(topic.permission):
        raise Forbidden(f"This topic needs the permission {topic.permission}.")
    if not topic.is_open_to(watcher, name):
        raise NotFound("There is no such topic.")
    return topic
