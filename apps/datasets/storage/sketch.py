"""HyperLogLog over occupied cells: 2,048 one-byte registers for each of the resolutions 3..11.

Sketches of segments merge by taking the larger register, so that a version of many segments knows how many
cells it occupies without reading its events. Standard error 2.3 %. Flajolet et al. 2007, with linear counting
for small numbers.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from apps.datasets.reading.cells import RESOLUTIONS, distinct_parents, in_slices
from apps.datasets.reading.rows import Int64s

REGISTERS: Final = 2_048
_BITS: Final = 11
_ALPHA: Final = 0.7213 / (1 + 1.079 / REGISTERS)

Registers = npt.NDArray[np.uint8]


def sketch_cells(cells: Int64s) -> bytes:
    """Return the registers of ascending base cells, resolution by resolution."""
    return b"".join(_sketch(cells, resolution).tobytes() for resolution in RESOLUTIONS)


def merged_counts(sketches: Iterable[bytes]) -> list[int]:
    """Estimate the distinct cells at every resolution over several segments."""
    tables = [np.frombuffer(sketch, np.uint8).reshape(len(RESOLUTIONS), REGISTERS) for sketch in sketches]
    if not tables:
        return [0] * len(RESOLUTIONS)
    return [_estimate(row) for row in np.maximum.reduce(tables)]


def _sketch(cells: Int64s, resolution: int) -> Registers:
    registers = np.zeros(REGISTERS, np.uint8)
    for part in in_slices(cells):
        np.maximum(registers, _registers(distinct_parents(part, resolution)), out=registers)
    return registers


def _registers(cells: Int64s) -> Registers:
    hashes = _mix(cells.view(np.uint64))
    slots = (hashes >> np.uint64(64 - _BITS)).astype(np.intp)
    rest = hashes << np.uint64(_BITS)
    # The rank is one more than the number of leading zeros of the remaining 53 bits.
    exponent = np.frexp((rest >> np.uint64(_BITS)).astype(np.float64))[1]
    ranks = (64 - _BITS + 1 - exponent).astype(np.uint8)
    registers = np.zeros(REGISTERS, np.uint8)
    np.maximum.at(registers, slots, ranks)
    return registers


def _mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scramble 64-bit numbers (the finalizer of splitmix64)."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)


def _estimate(registers: Registers) -> int:
    raw = _ALPHA * REGISTERS**2 / float(np.sum(np.exp2(-registers.astype(np.float64))))
    empty = int(np.count_nonzero(registers == 0))
    if raw <= 2.5 * REGISTERS and empty:
        raw = REGISTERS * float(np.log(REGISTERS / empty))
    return round(raw)
