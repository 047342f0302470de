"""The numbers behind a run: monthly values and encounters, the same in each run that sees a month.

Values are level + spread x (facility + segment + drift over time + noise); a few entities are planted, so
that every signal type occurs. A facility is the mean of its service lines, weighted by encounters.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.signals.formulas.arrays import Floats, Ints, population_std, present_mean, ratio
from apps.signals.sampling import names
from apps.signals.sampling.population import SECOND_RUN, Block, Fate, Flags, Population, facets

DECIMALS: Final = 6
YEAR: Final = 12
SHIFT: Final = 2.0  # peer standard deviations of a change for good
BASES, ENTITIES, CALENDAR, ENCOUNTERS = 3, 4, 5, 6  # purposes of random numbers

# Of 100 entities of segments: how many, level and drift over a year in spreads, for the worse.
PLANTED: Final = (
    (3, 3.0, 1.8),  # critical_trajectory
    (2, 2.6, 0.2),  # chronic_underperformer
    (3, 1.9, -2.0),  # recovering
    (3, 0.3, 2.0),  # emerging_risk
    (3, -2.4, 0.0),  # sustained_excellence
    (2, -0.2, -2.0),  # improving_leader
)
VOLATILE: Final = 2  # of 100, with one month of the year SPIKE spreads off
SPIKE: Final = 6.5
# Of 100: the months of a year that have a value.
SPARSE: Final = ((1, 2), (2, 5), (3, 11))
WITHOUT_VALUE: Final = 1


@dataclass(frozen=True, slots=True)
class Panel:
    """The entities of one block in one run, in the order of the files: (entities,) or (entities, periods)."""

    block: Block
    segments: tuple[str, ...]
    facility: Ints
    facet: Ints
    values: Floats
    timeline: Floats
    encounters: Ints


@dataclass(frozen=True, slots=True)
class Window:
    """What a run sees: `periods` months from the one numbered like it; half of the entities may be gone."""

    population: Population
    seed: int
    run_number: int
    periods: int
    half_gone: bool

    @property
    def months(self) -> int:
        """Return the months from the first of all runs to the last of this one."""
        return self.run_number + self.periods

    def present(self, block: Block) -> Flags:
        """Return which entities (facilities, slots) of a block there are."""
        return self.population.present(block, self.run_number, half_gone=self.half_gone)

    def rng(self, block: Block, purpose: int) -> np.random.Generator:
        """Return random numbers of a block that are the same in every run."""
        return np.random.default_rng([self.seed, purpose, block.metric_number, block.offset])

    def years(self) -> Floats:
        """Return each month's distance from the middle of the first run, in years."""
        return (np.arange(self.months) - (self.periods - 1) / 2.0) / YEAR


def rounded(values: Floats) -> Floats:
    """Return the numbers as files have them: 6 decimals, no negative zero."""
    return np.asarray(np.round(values, DECIMALS) + 0.0)


def panels_of(window: Window, metric_number: int) -> list[Panel]:
    """Return the panels of one metric: facilities first, then its breakdowns."""
    blocks = [block for block in window.population.blocks if block.metric_number == metric_number]
    base = _base(window, blocks[0])
    made = [_breakdown(window, block, base) for block in blocks[1:]]
    there = window.present(blocks[0])[:, 0]
    whole = _facilities(blocks[0], base[:, window.run_number :], made[0], there)
    return [whole, *(_matched(child, whole) for child in made)]


def _base(window: Window, block: Block) -> Floats:
    """Return the level of each facility (facilities, months from the first of all runs)."""
    rng, metric, size = window.rng(block, BASES), block.metric, window.population.all_facilities
    level, drift = rng.normal(0, 0.5, size), rng.normal(0, 0.4, size)
    # Months first, so that a later run continues the same sequence.
    noise = rng.normal(0, 0.15, (window.months, size)).T
    moved = level[:, None] + drift[:, None] * window.years() + noise
    return np.asarray(metric.level + metric.spread * moved)


def _breakdown(window: Window, block: Block, base: Floats) -> Panel:
    there = window.present(block)
    segments, codes = facets(block, window.population.all_facilities)
    spread = block.metric.spread * block.metric.worse
    timeline = base[:, None, :] + spread * _deviations(window, block, there.shape)
    timeline += spread * _changes(window, block, timeline)
    visible = np.where(_calendar(window, block, there.shape), timeline, np.nan)
    seen = rounded(visible[:, :, window.run_number :])
    encounters = _encounters(window, block, there.shape)[:, :, window.run_number :]
    facility = np.broadcast_to(np.arange(len(there))[:, None], there.shape)
    return Panel(
        block=block,
        segments=segments,
        facility=facility[there],
        facet=codes[there],
        values=rounded(present_mean(seen, 2))[there],
        timeline=seen[there],
        encounters=np.where(np.isnan(seen), 0, encounters)[there],
    )


def _deviations(window: Window, block: Block, shape: tuple[int, ...]) -> Floats:
    """Return how far entities (facilities, slots, months) are from their facility, in spreads, + is worse."""
    rng = window.rng(block, ENTITIES)
    kinds = rng.integers(0, 100, shape)
    level, drift = rng.normal(0, 0.7, shape), rng.normal(0, 0.6, shape)
    start = 0
    for share, planted_level, planted_drift in PLANTED:
        planted = (kinds >= start) & (kinds < start + share)
        level[planted] = planted_level + 0.2 * level[planted]
        drift[planted] = planted_drift + 0.2 * drift[planted]
        start += share
    spike = np.where((kinds >= start) & (kinds < start + VOLATILE), SPIKE, 0.0)
    in_spike = np.arange(window.months) % YEAR == rng.integers(0, YEAR, shape)[:, :, None]
    noise = np.moveaxis(rng.normal(0, 0.4, (window.months, *shape)), 0, -1)
    trend = drift[:, :, None] * window.years()
    return np.asarray(level[:, :, None] + trend + noise + spike[:, :, None] * in_spike)


def _changes(window: Window, block: Block, timeline: Floats) -> Floats:
    """Return what worsens and improves from the second run's month on, in spreads for the worse."""
    fates = window.population.fates_of(block)
    first_run = timeline[:, :, : window.periods].mean(axis=2)
    size = SHIFT * population_std(first_run, 0) / block.metric.spread
    direction = (fates == Fate.WORSENS).astype(np.float64) - (fates == Fate.IMPROVES)
    after = np.arange(window.months) >= window.periods + SECOND_RUN - 1
    return np.asarray((direction * size)[:, :, None] * after)


def _calendar(window: Window, block: Block, shape: tuple[int, ...]) -> Flags:
    """Return which months have a value: most entities have all, a few 2, 5 or 11 of a year, fewer none."""
    rng = window.rng(block, CALENDAR)
    kinds = rng.integers(0, 100, shape)
    # Each entity's own order of the months of a year: the first so many have values.
    place = (np.arange(YEAR) * 5 + rng.integers(0, YEAR, shape)[..., None]) % YEAR
    observed = np.full(shape, YEAR)
    start = 0
    for share, count in (*SPARSE, (WITHOUT_VALUE, 0)):
        observed[(kinds >= start) & (kinds < start + share)] = count
        start += share
    year = place < observed[..., None]
    return np.asarray(year[..., np.arange(window.months) % YEAR])


def _encounters(window: Window, block: Block, shape: tuple[int, ...]) -> Ints:
    rng = window.rng(block, ENCOUNTERS)
    size = rng.lognormal(4.0, 0.6, shape)
    noise = np.moveaxis(rng.uniform(0.7, 1.3, (window.months, *shape)), 0, -1)
    return np.asarray(np.maximum(size[..., None] * noise, 1.0), dtype=np.int64)


def _facilities(block: Block, base: Floats, lines: Panel, there: Flags) -> Panel:
    """Return the facilities: means of their service lines by encounters, the base where there are none."""
    size = len(there)
    total = _sum_by(lines.facility, lines.encounters.astype(np.float64), size)
    weighted = np.nan_to_num(lines.timeline) * lines.encounters
    months = ratio(_sum_by(lines.facility, weighted, size), total)
    timeline = rounded(np.where(np.isnan(months), base, months))
    whole = _weighted_mean(lines, size)
    values = rounded(np.where(np.isnan(whole), present_mean(timeline, 1), whole))
    number = np.arange(size)[there]
    return Panel(
        block=block,
        segments=(),
        facility=number,
        facet=np.zeros(len(number), dtype=np.int64),
        values=values[there],
        timeline=timeline[there],
        encounters=np.maximum(total, 1.0).astype(np.int64)[there],
    )


def _matched(child: Panel, whole: Panel) -> Panel:
    """Return the breakdown, its aggregate values moved so that their mean is the facility's value."""
    if child.block.dimension == names.SERVICE_LINE:
        return child
    size = int(max(child.facility.max(initial=0), whole.facility.max(initial=0))) + 1
    target = np.full(size, np.nan)
    target[whole.facility] = whole.values
    off = np.nan_to_num(target - _weighted_mean(child, size))
    values = rounded(child.values + off[child.facility])
    return Panel(
        block=child.block,
        segments=child.segments,
        facility=child.facility,
        facet=child.facet,
        values=values,
        timeline=child.timeline,
        encounters=child.encounters,
    )


def _weighted_mean(panel: Panel, size: int) -> Floats:
    """Return the means of aggregate values by encounters, per facility (size,); NaN without any."""
    weights = np.where(np.isnan(panel.values), 0.0, panel.encounters.sum(axis=1))
    above = np.bincount(panel.facility, weights * np.nan_to_num(panel.values), size)
    return ratio(above, np.bincount(panel.facility, weights, size))


def _sum_by(keys: Ints, rows: Floats, size: int) -> Floats:
    """Return the sums (size, periods) of rows (entities, periods) with equal keys."""
    sums = np.zeros((size, rows.shape[1]))
    np.add.at(sums, keys, rows)
    return sums
