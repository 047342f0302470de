"""What a metric stands for: its domain and which direction is good, by policy, bundle, catalog or name."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apps.signals.rules.inputs import Polarity


class Domain(StrEnum):
    """The domains that this installation gives by itself; policies and bundles may name others."""

    EFFICIENCY = "Efficiency"
    SAFETY = "Safety"
    EFFECTIVENESS = "Effectiveness"
    UTILIZATION = "Utilization"
    OTHER = "Other"


class Source(StrEnum):
    """Where a domain or a polarity comes from; `assumed` polarity is flagged."""

    POLICY = "policy"
    BUNDLE = "bundle"
    CATALOG = "catalog"
    NAME = "name"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Statement:
    """What a policy or a bundle says of a metric; None where it is silent."""

    domain: str | None = None
    polarity: Polarity | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """The domain and polarity of a metric, and who says so."""

    domain: str
    polarity: Polarity
    domain_source: Source
    polarity_source: Source

    @property
    def polarity_assumed(self) -> bool:
        """Tell whether nobody said which direction is good."""
        return self.polarity_source is Source.ASSUMED


_LOWER, _NEUTRAL = Polarity.LOWER_IS_BETTER, Polarity.NEUTRAL

# Seed `metric_catalog`: metric id -> (domain, polarity).
METRIC_CATALOG: Final = {
    "losIndex": (Domain.EFFICIENCY, _LOWER),
    "losMeanObservedDays": (Domain.EFFICIENCY, _LOWER),
    "losVarianceDays": (Domain.EFFICIENCY, _LOWER),
    "meanIcuDaysIcuFile": (Domain.EFFICIENCY, _LOWER),
    "losMeanExpectedDays": (Domain.EFFICIENCY, _NEUTRAL),
    "pctAllReturnsToIcu": (Domain.SAFETY, _LOWER),
    "icuCasesFromIcuFile": (Domain.UTILIZATION, _NEUTRAL),
    "pctIcuEncountersIcuFile": (Domain.UTILIZATION, _NEUTRAL),
}
# Seed `domain_rules`: (term, domain), the first term found in the words of the name wins. A space in a term
# is an edge of a word: " los " is not found in "closed", " readmi" is the beginning of several words.
DOMAIN_TERMS: Final = (
    (" los ", Domain.EFFICIENCY),
    (" length of stay ", Domain.EFFICIENCY),
    (" cost", Domain.EFFICIENCY),
    (" charge", Domain.EFFICIENCY),
    (" wait", Domain.EFFICIENCY),
    (" throughput", Domain.EFFICIENCY),
    (" mortality", Domain.SAFETY),
    (" death", Domain.SAFETY),
    (" infection", Domain.SAFETY),
    (" sepsis", Domain.SAFETY),
    (" fall", Domain.SAFETY),
    (" returns to ", Domain.SAFETY),
    (" readmi", Domain.EFFECTIVENESS),
    (" outcome", Domain.EFFECTIVENESS),
    (" icu ", Domain.UTILIZATION),
    (" volume", Domain.UTILIZATION),
    (" census", Domain.UTILIZATION),
    (" occupancy", Domain.UTILIZATION),
)
_HUMP = re.compile(r"([a-z0-9])([A-Z])")
_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")


def words_of(name: str) -> str:
    """Return the words in lower case between single spaces, one at each end: "losIndex" is " los index "."""
    spaced = _HUMP.sub(r"\1 \2", name).lower()
    return f" {_BETWEEN_WORDS.sub(' ', spaced).strip()} "


def domain_of_name(name: str) -> Domain:
    """Return the domain whose term stands in the name, in the order of the table; Other if none does."""
    words = words_of(name)
    return next((domain for term, domain in DOMAIN_TERMS if term in words), Domain.OTHER)


def meaning_of(
    metric_id: str,
    name: str | None = None,
    *,
    policy: Statement | None = None,
    bundle: Statement | None = None,
) -> Meaning:
    """Return domain and polarity of a metric; each comes from the first that states it.

    Policy, then bundle, then catalog, then the words of the name (of the id where there is no name).
    """
    cataloged = METRIC_CATALOG.get(metric_id)
    stated = (
        (Source.POLICY, policy or Statement()),
        (Source.BUNDLE, bundle or Statement()),
        (Source.CATALOG, Statement(*cataloged) if cataloged else Statement()),
    )
    domain, domain_source = next(
        ((each.domain, source) for source, each in stated if each.domain),
        (domain_of_name(name or metric_id), Source.NAME),
    )
    polarity, polarity_source = next(
        ((each.polarity, source) for source, each in stated if each.polarity),
        (_LOWER, Source.ASSUMED),
    )
    return Meaning(domain, polarity, domain_source, polarity_source)
