"""Why an entity has its type: every rule with its conditions, and what would change the type."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from apps.signals.rules.classification import Classification, applies, classify_fully, decide
from apps.signals.rules.inputs import Inputs, Polarity, SignalType
from apps.signals.rules.table import RULES, SYMBOLS, Rule

# The inputs whose value decides the type; A refines the severity alone.
CHANGEABLE: Final = ("Z", "P", "S", "X", "n")


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """A condition and whether it holds; conditions of one `alternative` (from 0) must hold together."""

    text: str
    passed: bool
    alternative: int


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """A rule: `passed` if it holds, `decisive` if it is the first to, `skipped` for neutral metrics."""

    number: int
    type: SignalType
    text: str
    passed: bool
    decisive: bool
    skipped: bool
    conditions: tuple[ConditionTrace, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A value of the file at which the type turns into `type`: at it if `inclusive`, else just past it."""

    value: float
    type: SignalType
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Change:
    """The nearest cuts of one input (a field of `Inputs`) below and above its value, None without any."""

    input: str
    below: Cut | None
    above: Cut | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole reasoning; `inputs` are the file's figures, `oriented` the same with higher = worse."""

    inputs: Inputs
    oriented: Inputs
    classification: Classification
    rules: tuple[RuleTrace, ...]
    changes: tuple[Change, ...]


def explain(inputs: Inputs) -> Explanation:
    """Return why the figures of a file give their type."""
    oriented = inputs.oriented()
    found = classify_fully(inputs)
    return Explanation(
        inputs=inputs,
        oriented=oriented,
        classification=found,
        rules=tuple(_trace(rule, oriented, found.rule) for rule in RULES),
        changes=changes(inputs),
    )


def changes(inputs: Inputs) -> tuple[Change, ...]:
    """Return per input the nearest values that alone change the type, in the figures of the file."""
    oriented = inputs.oriented()
    return tuple(_change(symbol, oriented) for symbol in CHANGEABLE)


def _trace(rule: Rule, oriented: Inputs, decisive: Rule) -> RuleTrace:
    asked = applies(rule, oriented.polarity)
    conditions = tuple(
        ConditionTrace(condition.text, condition.holds(oriented), number)
        for number, every in enumerate(rule.alternatives)
        for condition in every
    )
    return RuleTrace(
        number=rule.number,
        type=rule.type,
        text=rule.text,
        passed=asked and rule.holds(oriented),
        decisive=rule is decisive,
        skipped=not asked,
        conditions=conditions,
    )


def _change(symbol: str, oriented: Inputs) -> Change:
    field = SYMBOLS[symbol]
    value = getattr(oriented, field)
    if value is None:
        return Change(field, None, None)
    bounds = _bounds(symbol)
    below = _first_cut(
        oriented, symbol, [bound for bound in reversed(bounds) if bound <= value], falling=True
    )
    above = _first_cut(oriented, symbol, [bound for bound in bounds if bound > value], falling=False)
    if oriented.polarity is Polarity.HIGHER_IS_BETTER and symbol in {"Z", "P"}:
        below, above = _turned(symbol, above), _turned(symbol, below)
    return Change(field, below, above)


def _bounds(symbol: str) -> list[float]:
    """Return the distinct bounds that the rules compare the input with, ascending."""
    found = {
        condition.bound
        for rule in RULES
        for every in rule.alternatives
        for condition in every
        if condition.symbol == symbol and condition.bound is not None
    }
    return sorted(found)


def _first_cut(oriented: Inputs, symbol: str, bounds: Iterable[float], *, falling: bool) -> Cut | None:
    """Return the first bound past which the type is another one.

    Each comparison is `>=` or `<`: the type is constant from one bound (inclusive) to the next.
    """
    now = decide(oriented).type
    for bound in bounds:
        past = _past(symbol, bound, falling=falling)
        then = decide(_with(oriented, symbol, past)).type
        if then is not now:
            whole = symbol == "n"
            return Cut(past if whole else bound, then, inclusive=whole or not falling)
    return None


def _with(oriented: Inputs, symbol: str, value: float) -> Inputs:
    changed: dict[str, Any] = {SYMBOLS[symbol]: value}
    return replace(oriented, **changed)


def _past(symbol: str, bound: float, *, falling: bool) -> float:
    if symbol == "n":
        return int(bound) - 1 if falling else int(bound)
    return math.nextafter(bound, -math.inf) if falling else bound


def _turned(symbol: str, cut: Cut | None) -> Cut | None:
    """Return the cut in the figures of a file in which higher is better."""
    if cut is None:
        return None
    # Not -0.0, which nobody expects to read.
    return replace(cut, value=(0.0 - cut.value) if symbol == "Z" else 100.0 - cut.value)
