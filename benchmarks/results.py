"""What a benchmark returns: rows of samples, their ratios to the peers', and what is promised."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise: a bound of our figure, or with `peer` of its ratio to the peer's, `plus` the row's units."""

    peer: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    plus: float = 0.0

    def __str__(self) -> str:
        sign, bound = (">=", self.at_least) if self.at_least is not None else ("<=", self.at_most)
        more = f" + {self.plus:g}" if self.plus else ""
        return f"{sign} {bound:g} x {self.peer}{more}" if self.peer else f"{sign} {bound:g}"

    def is_met(self, value: float) -> bool:
        """Tell whether a figure (or ratio) keeps the promise."""
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: our samples and each peer's, one per round; an empty list was not measured."""

    what: str
    unit: str
    ours: Sequence[float]
    peers: Mapping[str, Sequence[float]] = field(default_factory=dict)
    goals: Sequence[Goal] = ()

    def ratio(self, peer: str, less: float = 0.0) -> float | None:
        """Return the median of the rounds' ratios, so that drift between rounds cancels out.

        `less` is taken off our figure first.
        """
        pairs = list(zip(self.ours, self.peers.get(peer, ()), strict=False))
        return statistics.median((mine - less) / theirs for mine, theirs in pairs) if pairs else None

    def verdict(self, goal: Goal) -> str:
        """Say whether a goal is met."""
        value = (
            self.ratio(goal.peer, goal.plus)
            if goal.peer
            else statistics.median(self.ours)
            if self.ours
            else None
        )
        if value is None:
            return f"{goal}: not measured"
        shown = f"{value:.2f} x" if goal.peer else f"{value:.4g}"
        return f"{goal}: {shown} {'met' if goal.is_met(value) else 'MISSED'}"

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        ratios = {peer: self.ratio(peer) for peer in self.peers}
        goals = [self.verdict(goal) for goal in self.goals]
        peers = {peer: list(samples) for peer, samples in self.peers.items()}
        return {
            "what": self.what,
            "unit": self.unit,
            "ours": list(self.ours),
            "peers": peers,
            "ratios": ratios,
            "goals": goals,
        }


def spread(samples: Sequence[float]) -> str:
    """Return median, minimum and maximum as they stand in a table."""
    if not samples:
        return "not measured"
    middle = statistics.median(samples)
    if len(samples) == 1:
        return f"{middle:,.4g}"
    return f"{_number(middle)} ({_number(min(samples))} to {_number(max(samples))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
