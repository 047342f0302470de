"""Narratives: the Markdown that a run says of its facilities, read by token into values.

Pure: text in, a frozen `Narrative` out. What is not understood becomes a warning, never an error.
"""

from apps.signals.narratives.model import Narrative
from apps.signals.narratives.parsing import parse_narrative

__all__ = ["Narrative", "parse_narrative"]
