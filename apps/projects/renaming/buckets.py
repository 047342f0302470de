"""Put each site into its bucket: what our own view says of it, and which engines list it."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from apps.projects.renaming.findings import Finding
from apps.projects.renaming.wire import Left, Listed, Site, Spot, Survey
from apps.projects.states import Bucket

RULE_BROKEN: Final = "conflict"


def sort_sites(survey: Survey, engines: Mapping[str, Listed]) -> list[Finding]:
    """Return all sites with bucket and reason.

    Certain: bound by our own view, and listed by an engine or of a kind that needs none. Two engines that
    agree on what our view cannot bind do not make it certain: one alternative that all three overlook, an
    argument of unknown type say, would break in silence. With a conflict, every bound site is refused.
    """
    listed: dict[Spot, list[str]] = {}
    for engine, answer in engines.items():
        for spot in answer.spots:
            listed.setdefault(spot, []).append(engine)
    group = group_of(survey)
    return [sort_site(site, listed, group, is_refused=bool(survey.clashes)) for site in survey.sites]


def sort_site(site: Site, listed: Mapping[Spot, list[str]], group: str, *, is_refused: bool) -> Finding:
    """Return one site with its bucket."""
    engines = sorted(set(listed.get(Spot(site.path, site.line, site.column), ())))
    finding = Finding(
        path=site.path,
        line=site.line,
        column=site.column,
        text=site.text,
        after=site.after,
        bucket=Bucket.UNSURE,
        reason=site.doubt or "not_listed",
        group="",
    )
    if not site.is_bound:
        return finding
    if is_refused:
        return finding.sorted_as(Bucket.REFUSED, RULE_BROKEN, group)
    if site.doubt or not (engines or site.is_own):
        return finding
    return finding.sorted_as(Bucket.CERTAIN, "+".join([*engines, "scopes"]), group)


def group_of(survey: Survey) -> str:
    """Name the binding: its sites are ticked together."""
    symbol = survey.symbol
    text = f"{symbol.path}:{symbol.line}:{symbol.column}:{symbol.name}" if symbol else ""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def disagreements(left: Iterable[Left], engines: Mapping[str, Listed]) -> set[Spot]:
    """Return the places that an engine lists and our view holds for something else."""
    places = {Spot(item.path, item.line, item.column) for item in left if item.reason == "other_binding"}
    return places & {spot for answer in engines.values() for spot in answer.spots}
