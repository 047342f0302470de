"""Names for the arrays of the codec, and arithmetic on groups of neighbours in them.

A group is a run of neighbours; groups are given by their first places (`starts`) or their sizes.
"""

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Uint8s = npt.NDArray[np.uint8]
Uint64s = npt.NDArray[np.uint64]


def sizes_of(starts: Int64s, length: int) -> Int64s:
    """Return the sizes of the groups that begin at these places of an array."""
    return np.diff(starts, append=length)


def starts_of(sizes: Int64s) -> Int64s:
    """Return where groups of these sizes begin when they are laid end to end."""
    return np.cumsum(sizes) - sizes


def places_in(sizes: Int64s) -> Int64s:
    """Return 0, 1, 2 and so on for each group of these sizes, laid end to end."""
    return np.arange(int(sizes.sum())) - np.repeat(starts_of(sizes), sizes)
