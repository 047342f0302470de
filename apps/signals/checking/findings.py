"""What a check of the pipeline says."""

from dataclasses import dataclass, field

PROBLEMS_KEPT = 20


@dataclass(slots=True)
class Check:
    """One check: of how many things, and what is wrong with some; `skipped` says why it was not done."""

    name: str
    checked: int = 0
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0
    skipped: str = ""

    @property
    def is_fine(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problem_count

    def expect(self, *, holds: bool, otherwise: str) -> None:
        """Count a thing that was looked at, and note what is wrong with it."""
        self.checked += 1
        if not holds:
            self.note(otherwise)

    def note(self, problem: str, count: int = 1) -> None:
        """Count something that is wrong; the first PROBLEMS_KEPT are kept in words."""
        self.problem_count += count
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(problem)
