"""The rules of classification as data: the first one that holds decides. Seed `signal_rules` is the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from apps.signals.rules.inputs import Inputs, SignalType

RULES_VERSION: Final = 1

# The letters of the rules, and the field of `Inputs` each one stands for.
SYMBOLS: Final[Mapping[str, str]] = {
    "Z": "mean_z",
    "P": "slope_percentile",
    "A": "acceleration",
    "S": "zscore_std",
    "X": "max_excursion",
    "n": "observations",
    "suppressed": "suppressed",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one input: `>=` or `<` with a bound (null meets neither), `is null`, `is true`."""

    symbol: str
    operator: str
    bound: float | None = None

    @property
    def text(self) -> str:
        """Return the condition as the rules print it: "Z >= 1.5"."""
        if self.operator == "is true":
            return self.symbol
        return f"{self.symbol} {self.operator}" + ("" if self.bound is None else f" {self.bound:g}")

    def holds(self, inputs: Inputs) -> bool:
        """Tell whether figures (turned so that higher is worse) meet it."""
        value = getattr(inputs, SYMBOLS[self.symbol])
        if self.operator == "is null":
            return value is None
        if self.operator == "is true":
            return value is True
        if value is None or self.bound is None:
            return False
        return bool(value >= self.bound if self.operator == ">=" else value < self.bound)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    It holds when all conditions of one of its alternatives hold; without alternatives it always holds.
    `directional` rules are skipped for neutral metrics; `attention` types ask somebody to act.
    """

    number: int
    type: SignalType
    alternatives: tuple[tuple[Condition, ...], ...]
    attention: bool
    low: int
    high: int
    base: int
    directional: bool = False

    @property
    def text(self) -> str:
        """Return the rule as a line: "Z >= 1 and P >= 70, or Z >= 2 and P >= 30"."""
        if not self.alternatives:
            return "else"
        parts = [" and ".join(condition.text for condition in every) for every in self.alternatives]
        return (" or " if all(len(every) == 1 for every in self.alternatives) else ", or ").join(parts)

    def holds(self, inputs: Inputs) -> bool:
        """Tell whether figures (turned so that higher is worse) meet it, polarity aside."""
        if not self.alternatives:
            return True
        return any(all(condition.holds(inputs) for condition in every) for every in self.alternatives)


def _at_least(symbol: str, bound: float) -> Condition:
    return Condition(symbol, ">=", bound)


def _below(symbol: str, bound: float) -> Condition:
    return Condition(symbol, "<", bound)


def _null(symbol: str) -> Condition:
    return Condition(symbol, "is null")


_T = SignalType

RULES: Final[tuple[Rule, ...]] = (
    Rule(1, _T.SUSPECT_DATA, ((Condition("suppressed", "is true"),), (_below("n", 3),)), False, 50, 50, 50),
    Rule(2, _T.BASELINE, ((_null("P"),), (_null("Z"),)), False, 26, 45, 35),
    Rule(3, _T.VOLATILITY_ALERT, ((_at_least("S", 2),), (_at_least("X", 3),)), True, 71, 80, 74),
    Rule(4, _T.CRITICAL_TRAJECTORY, ((_at_least("Z", 2), _at_least("P", 90)),), True, 91, 100, 92, True),
    Rule(
        5,
        _T.CHRONIC_UNDERPERFORMER,
        ((_at_least("Z", 1), _at_least("P", 70)), (_at_least("Z", 2), _at_least("P", 30))),
        True,
        81,
        90,
        82,
        True,
    ),
    Rule(6, _T.RECOVERING, ((_at_least("Z", 1), _below("P", 30)),), False, 46, 59, 51, True),
    Rule(
        7,
        _T.EMERGING_RISK,
        ((_at_least("Z", -0.5), _below("Z", 1), _at_least("P", 70)),),
        True,
        60,
        70,
        63,
        True,
    ),
    Rule(8, _T.SUSTAINED_EXCELLENCE, ((_below("Z", -1.5), _below("P", 70)),), False, 0, 12, 8, True),
    Rule(9, _T.IMPROVING_LEADER, ((_below("Z", 0.5), _below("P", 30)),), False, 13, 25, 20, True),
    Rule(10, _T.BASELINE, (), False, 26, 45, 35),
)

ATTENTION_TYPES: Final = frozenset(rule.type for rule in RULES if rule.attention)
SEVERITY_RANGES: Final[Mapping[SignalType, tuple[int, int]]] = {
    rule.type: (rule.low, rule.high) for rule in RULES
}
