"""What the audit says of acts on projects."""

from typing import Final

VERBS: Final[dict[str, str]] = {}
