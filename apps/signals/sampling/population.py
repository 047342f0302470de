"""Which entities a run has: blocks of facilities by segment, and the fate of each over the runs."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.signals.formulas.arrays import Ints
from apps.signals.sampling import names
from apps.signals.sampling.names import METRICS, Metric

MANY_ENTITIES: Final = 2000
FEW_LINES: Final = 4
SECOND_RUN, THIRD_RUN = 1, 2
VANISHING, CHANGING, NEW, HALF_GONE = 0.01, 0.02, 0.005, 0.55
FATES, GONE = 1, 2  # purposes of random numbers

Flags = NDArray[np.bool_]


class Fate(IntEnum):
    """What becomes of an entity from the second run on."""

    NONE = 0
    RETURNS = 1
    VANISHES = 2
    WORSENS = 3
    IMPROVES = 4


@dataclass(frozen=True, slots=True)
class Block:
    """The entities of one metric and dimension: `slots` per facility, numbered from `first` in all blocks."""

    metric: Metric
    metric_number: int
    dimension: str | None
    segments: tuple[str, ...]
    first: int
    offset: int

    @property
    def slots(self) -> int:
        """Return the entities per facility."""
        return max(len(self.segments), 1)


@dataclass(frozen=True, slots=True)
class Population:
    """All entities: those of the first run are numbered 0 to `entities` - 1, then there are late ones."""

    entities: int
    facilities: int
    per_facility: int
    late_entities: int
    blocks: tuple[Block, ...]
    fates: NDArray[np.int8]
    half_gone: Flags

    @property
    def all_facilities(self) -> int:
        """Return the facilities of all runs, late ones included."""
        return self.facilities + -(-self.late_entities // self.per_facility)

    def numbers(self, block: Block) -> Ints:
        """Return the numbers (facilities, slots) of a block; late ones are past every early one."""
        early = block.first + np.arange(self.facilities * block.slots)
        late_facilities = self.all_facilities - self.facilities
        rows = np.arange(late_facilities)[:, None] * self.per_facility + block.offset
        late = self.facilities * self.per_facility + rows + np.arange(block.slots)[None, :]
        return np.concatenate([early.reshape(-1, block.slots), late]).astype(np.int64)

    def fates_of(self, block: Block) -> NDArray[np.int8]:
        """Return the fates (facilities, slots) of a block."""
        return np.asarray(self.fates[self.numbers(block)])

    def present(self, block: Block, run_number: int, *, half_gone: bool) -> Flags:
        """Return which entities (facilities, slots) of a block a run has."""
        numbers = self.numbers(block)
        late_from = self.facilities * self.per_facility
        late = (numbers >= late_from) & (numbers < late_from + self.late_entities)
        there = (numbers < self.entities) | (late & (run_number >= SECOND_RUN))
        fates = self.fates[numbers]
        if run_number >= SECOND_RUN:
            there &= fates != Fate.VANISHES
        if run_number == SECOND_RUN:
            there &= fates != Fate.RETURNS
        if half_gone:
            there &= ~self.half_gone[numbers]
        return there


def make_population(entities: int, seed: int) -> Population:
    """Return the entities of a series of runs."""
    blocks = _blocks(entities)
    per_facility = sum(block.slots for block in blocks)
    facilities = -(-entities // per_facility)
    blocks = tuple(_numbered(block, facilities, blocks) for block in blocks)
    late = round(entities * NEW)
    size = (facilities + -(-late // per_facility)) * per_facility
    gone = np.zeros(size, dtype=bool)
    gone[np.random.default_rng([seed, GONE]).permutation(size)[: round(size * HALF_GONE)]] = True
    return Population(entities, facilities, per_facility, late, blocks, _fates(entities, size, seed), gone)


def facets(block: Block, facilities: int) -> tuple[tuple[str, ...], Ints]:
    """Return the segments of a block and which one (facilities, slots) each entity belongs to.

    The last service line is a rare one in some of the facilities, so that its facet has few peers.
    """
    codes = np.tile(np.arange(block.slots), (facilities, 1))
    segments = list(block.segments)
    if block.dimension == names.SERVICE_LINE:
        first = facilities // 4
        for name, most, one_of in names.RARE_LINES:
            count = most if facilities >= names.MANY_FACILITIES else facilities // one_of
            codes[first : first + count, -1] = len(segments)
            segments.append(name)
            first += count
    return tuple(segments), codes.astype(np.int64)


def _blocks(entities: int) -> tuple[Block, ...]:
    many = entities >= MANY_ENTITIES
    lines = names.SERVICE_LINES if many else names.SERVICE_LINES[:FEW_LINES]
    dimensions: list[tuple[str | None, tuple[str, ...]]] = [(None, ()), (names.SERVICE_LINE, lines)]
    if many:
        dimensions.append((names.DISCHARGE_STATUS, names.DISCHARGE_STATUSES))
    return tuple(
        Block(metric, number, dimension, segments, 0, 0)
        for number, metric in enumerate(METRICS if many else METRICS[:1])
        for dimension, segments in dimensions
    )


def _numbered(block: Block, facilities: int, blocks: tuple[Block, ...]) -> Block:
    before = sum(other.slots for other in blocks[: blocks.index(block)])
    return Block(
        metric=block.metric,
        metric_number=block.metric_number,
        dimension=block.dimension,
        segments=block.segments,
        first=before * facilities,
        offset=before,
    )


def _fates(entities: int, size: int, seed: int) -> NDArray[np.int8]:
    order = np.random.default_rng([seed, FATES]).permutation(entities)
    vanishing, changing = round(entities * VANISHING), round(entities * CHANGING)
    returning = vanishing // 2
    fates = np.zeros(size, dtype=np.int8)
    ends = np.cumsum([0, returning, vanishing - returning, changing, changing])
    kinds = (Fate.RETURNS, Fate.VANISHES, Fate.WORSENS, Fate.IMPROVES)
    for kind, start, end in zip(kinds, ends, ends[1:], strict=False):
        fates[order[start:end]] = kind
    return fates
