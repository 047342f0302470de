"""Where the stories happen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Installation:
    """Web and worker that run, as a browser sees them."""

    url: str
