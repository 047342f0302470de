"""The type and severity of one entity."""

from dataclasses import dataclass

from apps.signals.rules.indicators import Indicators, indicators_of
from apps.signals.rules.inputs import Inputs, Polarity, SignalType
from apps.signals.rules.severity import SeverityCalculation, calculate_severity
from apps.signals.rules.table import RULES, Rule


@dataclass(frozen=True, slots=True)
class Classification:
    """What the rules make of an entity."""

    type: SignalType
    rule: Rule
    severity: int
    calculation: SeverityCalculation
    indicators: Indicators


def applies(rule: Rule, polarity: Polarity) -> bool:
    """Tell whether the rule is asked at all: neutral metrics have no good or bad direction."""
    return not (rule.directional and polarity is Polarity.NEUTRAL)


def decide(oriented: Inputs) -> Rule:
    """Return the first rule that holds for figures with higher = worse; the last one always does."""
    return next(rule for rule in RULES if applies(rule, oriented.polarity) and rule.holds(oriented))


def classify(inputs: Inputs) -> SignalType:
    """Return the type of an entity by its figures as the file has them."""
    return decide(inputs.oriented()).type


def classify_fully(inputs: Inputs) -> Classification:
    """Return type, severity with its parts, and labels of an entity by its figures as the file has them."""
    oriented = inputs.oriented()
    rule = decide(oriented)
    calculation = calculate_severity(rule, oriented)
    return Classification(rule.type, rule, calculation.final, calculation, indicators_of(oriented))
