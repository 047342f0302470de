"""What a hydration counts; the names are the columns of its row."""

from dataclasses import asdict, dataclass, fields

from apps.common.errors import Conflict


class CountsDisagree(Conflict):
    """The counters of a hydration do not add up: somebody else wrote signals at the same time."""

    code = "signals.counts_disagree"


@dataclass(slots=True)
class Counts:
    """Rows and what became of them; `changed` holds what returned as well."""

    incoming: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: int = 0
    vanished: int = 0
    returned: int = 0
    reopened: int = 0
    auto_resolved: int = 0
    events: int = 0

    def add(self, other: "Counts") -> None:
        """Add another part's counts."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def columns(self) -> dict[str, int]:
        """Return the columns of the hydration's row; raises CountsDisagree."""
        parts = (self.created, self.changed, self.unchanged, self.skipped)
        if sum(parts) != self.incoming or min(parts) < 0:
            raise CountsDisagree(f"{parts} of {self.incoming} rows.")
        return asdict(self)
