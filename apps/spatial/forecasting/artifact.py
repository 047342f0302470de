"""A trained model as bytes: a zip of `model.json` and `arrays.npz`, no pickle; equal inputs, equal bytes."""

import io
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from apps.common.errors import Conflict
from apps.datasets.queries import Int64s
from apps.spatial.forecasting.trees import Forest

FORMAT: Final = 1
MODEL: Final = "model.json"
ARRAYS: Final = "arrays.npz"
CELLS: Final = "cells"
# A forest of 1,000 trees of 63 leaves has 125,000 nodes of 49 bytes.
MAX_BYTES: Final = 64 * 1024 * 1024
# What reading a damaged zip may raise: a wrong flag makes it an encrypted or unknown one.
UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, KeyError, OSError, EOFError, IndexError,
    RuntimeError,
)  # fmt: skip
# Files carry no time of their making.
NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


class ArtifactCorrupt(Conflict):
    """The stored model is not what was saved.

    Its digest or its content is wrong. Activate another artifact, or train again.
    """

    code = "spatial.artifact_corrupt"


@dataclass(frozen=True, slots=True)
class Learned:
    """What an artifact holds. `facts`: settings, dispersion of each method, importance, card, packages.

    cells: those it forecasts, ascending.
    """

    forest: Forest
    cells: Int64s
    facts: dict[str, Any]


def encode(learned: Learned) -> bytes:
    """Return the artifact's bytes."""
    arrays = io.BytesIO()
    with zipfile.ZipFile(arrays, "w") as inner:
        for name, array in {**learned.forest.arrays(), CELLS: learned.cells}.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            inner.writestr(zipfile.ZipInfo(f"{name}.npy", NO_TIME), content.getvalue())
    facts = json.dumps({"format": FORMAT, **learned.facts}, sort_keys=True, indent=1, allow_nan=False)
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in ((MODEL, facts.encode()), (ARRAYS, arrays.getvalue())):
            entry = zipfile.ZipInfo(name, NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, body)
    return outer.getvalue()


def decode(content: bytes) -> Learned:
    """Return what was saved; raises ArtifactCorrupt for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise ArtifactCorrupt
            facts = json.loads(archive.read(MODEL))
            with np.load(io.BytesIO(archive.read(ARRAYS)), allow_pickle=False) as arrays:
                forest, cells = Forest.of_arrays(arrays), arrays[CELLS]
    except UNREADABLE as error:
        raise ArtifactCorrupt from error
    return Learned(forest, cells, facts)
