"""The registry of notices: what people can be told, how much it matters, and what they are told by default.

Every app registers its own kinds in `AppConfig.ready()`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models


class Level(models.TextChoices):
    """How much a notice matters; critical ones go by mail as well unless the user says else."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """One kind of notice. `title` says in a preference what it tells, as a whole sentence without a stop.

    `level` is that of most notices of the kind. A security kind always goes both into the product and by
    mail, whatever the user prefers.
    """

    name: str
    title: str
    level: Level = Level.INFO
    is_security: bool = False


_kinds: dict[str, NoticeKind] = {}


def register_notice(kind: NoticeKind) -> None:
    """Declare a kind; registering the same name again replaces it."""
    _kinds[kind.name] = kind


def find_notice(name: str) -> NoticeKind:
    """Return a declared kind; raises KeyError."""
    return _kinds[name]


def iter_notices() -> Iterator[NoticeKind]:
    """Yield every declared kind by name."""
    for name in sorted(_kinds):
        yield _kinds[name]
