"""The registry of topics: which there are, and who may watch them.

Every app registers its own in `AppConfig.ready()`. A pattern is a literal name (`datasets`) or one with
placeholders (`datasets.<id>`); a placeholder takes one part between dots, the last one also the rest.
A topic is one stream per organization; a private one (`notifications`) is one stream per user, the same in
all of their organizations.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from django.core.exceptions import ValidationError

from apps.common.errors import Forbidden, NotFound
from apps.common.live.streams import Address

# `metrics.` and a key of 2,048 bytes, the longest name there is; a client's message has room for it.
TOPIC_MAX_CHARS: Final = 2_056
_PLACEHOLDER: Final = re.compile(r"<([a-z_]+)>")


class Owner(Protocol):
    """An organization or a user, as far as topics need it."""

    @property
    def pk(self) -> uuid.UUID:
        """Return its key."""


class Watcher(Protocol):
    """Whoever subscribes; accounts' Actor is one."""

    @property
    def organization(self) -> Owner:
        """Return the organization they act in."""

    @property
    def user(self) -> Owner | None:
        """Return the person; None for a key."""

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
    private: bool = False

    @property
    def has_rows(self) -> bool:
        """Tell whether each name speaks of an object, so that `check_row` queries."""
        return self.visible is not None

    def check_row(self, watcher: Watcher, name: str) -> None:
        """Raise NotFound unless the object that `name` speaks of is there for the watcher."""
        match = self.expression.fullmatch(name)
        try:
            is_open = match and (self.visible is None or self.visible(watcher, *match.groups()))
        except (ValueError, ValidationError):  # the client's id is not even an id
            is_open = False
        if not is_open:
            raise NotFound("There is no such topic.")

    def address(self, watcher: Watcher, name: str) -> Address:
        """Return the stream that the watcher means by `name`; raises Forbidden for a key's private topic."""
        if not self.private:
            return Address(watcher.organization.pk, name)
        if watcher.user is None:
            raise Forbidden("This topic is a person's own; a key has none.")
        return Address(watcher.user.pk, name)


_topics: dict[str, Topic] = {}


def register_topic(
    *, pattern: str, permission: str, visible: Callable[..., bool] | None = None, private: bool = False
) -> None:
    """Declare a topic; `visible(actor, id)` says whether that row is the actor's to see.

    Without a permission `visible` alone decides.

    A private topic has a stream of its own for each user: publish to it with `user_id`. Registering the same
    pattern again replaces it. Raises ValueError for placeholders without `visible`.
    """
    names = _PLACEHOLDER.findall(pattern)
    if names and visible is None:
        raise ValueError(f"topic {pattern} names a row, so it needs visible=")
    parts = [re.escape(part) for part in _PLACEHOLDER.sub("\0", pattern).split("\0")]
    groups = [r"([^.]+)"] * (len(names) - 1) + [r"(.+)"] * bool(names)
    expression = "".join(part + group for part, group in zip(parts, [*groups, ""], strict=True))
    _topics[pattern] = Topic(pattern, permission, visible, re.compile(expression, re.DOTALL), private)


def find_topic(watcher: Watcher, name: str) -> Topic:
    """Return the topic that `name` belongs to, if the watcher may see topics of its kind; never queries.

    Raises NotFound for an unknown topic, Forbidden without the permission.
    """
    literal_first = sorted(_topics.values(), key=lambda topic: "<" in topic.pattern)
    topic = next((topic for topic in literal_first if topic.expression.fullmatch(name)), None)
    if topic is None or len(name) > TOPIC_MAX_CHARS:
        raise NotFound("There is no such topic.")
    if topic.permission and not watcher.may(topic.permission):
        raise Forbidden(f"This topic needs the permission {topic.permission}.")
    return topic
