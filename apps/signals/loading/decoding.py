"""From a line to a record and to the text that jsonb takes: fast where it can, the slow way where it must."""

from typing import Final, Generic, TypeVar

import msgspec

from apps.signals.artifacts.findings import NUL_REMOVED, NUMBER_NULLED
from apps.signals.artifacts.repair import NotJson, repair, to_json
from apps.signals.loading.reading import Line, Remarks
from apps.signals.loading.records import loosely

T = TypeVar("T", bound=msgspec.Struct)
REFUSED: Final = (msgspec.DecodeError, RecursionError)


class Decoder(Generic[T]):
    """Decodes the lines of one kind."""

    def __init__(self, kind: type[T], remarks: Remarks) -> None:
        self._kind = kind
        self._remarks = remarks
        self._decode = msgspec.json.Decoder(kind).decode

    def decode(self, line: Line) -> tuple[T, bytes] | None:
        """Return the record and its JSON text; None for a line that was rejected."""
        if not line.careful:
            try:
                return self._decode(line.content), line.content
            except REFUSED:
                pass
        return self._slowly(line)

    def _slowly(self, line: Line) -> tuple[T, bytes] | None:
        try:
            repaired = repair(line.content)
            record = loosely(self._kind, repaired.value)
        except (NotJson, msgspec.ValidationError) as error:
            self._remarks.reject(line.number, str(error))
            return None
        self._remarks.count(NUMBER_NULLED, line.number, repaired.nulled)
        self._remarks.count(NUL_REMOVED, line.number, repaired.nuls)
        return record, to_json(repaired.value)
