"""What the audit says of acts on previews."""

from typing import Final

VERBS: Final[dict[str, str]] = {}
