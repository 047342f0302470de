"""One attempt at an import: the claimed row, its dataset, options and checkpoint, as the steps share them."""

import uuid
from dataclasses import replace
from typing import Any

from apps.common.jobs import Run
from apps.datasets.importing.checkpoint import Checkpoint
from apps.datasets.importing.options import ImportOptions
from apps.datasets.models import Dataset, Import, Segment, Version
from apps.datasets.reading.coordinates import Area
from apps.datasets.states import ImportMode
from apps.datasets.storage.events import SegmentKey
from apps.datasets.storage.stage import stage_table


class Attempt:
    """What the steps of an import work on. Everything they commit goes through `save`."""

    def __init__(self, run: Run[Import]) -> None:
        self.run = run
        self.row = run.row
        self.dataset: Dataset = run.row.dataset
        self.options = ImportOptions.of(run.row.options)
        stored = run.row.checkpoint
        self.checkpoint: Checkpoint | None = Checkpoint.from_json(stored) if stored else None

    @property
    def at(self) -> Checkpoint:
        """Return the checkpoint; there is one from the end of fetching on."""
        if self.checkpoint is None:
            raise RuntimeError("the import has no checkpoint yet")
        return self.checkpoint

    @property
    def stage_table(self) -> str:
        """Return the name of the table that the rows are staged in."""
        return stage_table(self.row.no)

    @property
    def key(self) -> SegmentKey:
        """Return the numbers of the segment being made."""
        return SegmentKey(self.dataset.no, self.at.segment_no)

    def has(self, step: str) -> bool:
        """Tell whether an earlier attempt, or this one, is past `step`."""
        return self.checkpoint is not None and self.checkpoint.has(step)

    def save(self, checkpoint: Checkpoint, **fields: Any) -> None:
        """Write the checkpoint, with fields of the row, in the caller's transaction; raises LeaseLost."""
        self.run.write(checkpoint=checkpoint.to_json(), **fields)
        self.checkpoint = checkpoint

    def advance(self, reached: str, **fields: Any) -> None:
        """Write that a step is done."""
        self.save(replace(self.at, reached=reached), **fields)

    def kept_segments(self) -> list[Segment]:
        """Return the segments of the base version that the new version keeps."""
        base = Version.objects.filter(pk=self.at.base_version).first() if self.at.base_version else None
        return kept_segments(self.options, base, self.row.source_id)


def kept_segments(
    options: ImportOptions, base: Version | None, source_id: uuid.UUID | None = None
) -> list[Segment]:
    """Return the segments of `base` that stay beside what an import brings.

    A partition belongs to a source, or to nobody: the same key of another one is another partition.
    """
    if base is None or options.mode is ImportMode.REPLACE:
        return []
    segments = list(Segment.objects.of_version(base.pk))
    if options.mode is ImportMode.APPEND:
        return segments
    return [
        segment
        for segment in segments
        if (segment.partition_source, segment.partition_key) != (source_id, options.partition)
    ]


def area_of(dataset: Dataset) -> Area | None:
    """Return the dataset's area as reading takes it."""
    if dataset.area is None:
        return None
    west, south, east, north = dataset.area
    return west, south, east, north
