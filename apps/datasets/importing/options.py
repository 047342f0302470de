"""What the caller of an import decided, with every default settled at the call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from django.conf import settings

from apps.common.errors import FieldError, Invalid
from apps.datasets.states import DuplicatePolicy, ImportMode, SourceOf

PARTITION_MAX_CHARS: Final = 64
# What a source of each kind states besides its kind: first what it must, then what it may.
SOURCE_FIELDS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    SourceOf.UPLOAD: (frozenset({"upload_ids"}), frozenset()),
    SourceOf.URL: (frozenset({"url"}), frozenset({"sha256"})),
}


class DuplicatesMode(Invalid):
    """This duplicate policy does not go with this mode.

    `external_id_last` replaces earlier rows, and a segment that stays is never edited.
    """

    code = "datasets.duplicates_mode"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of places.md section 4 that hold for the whole import.

    `mapping` and `dialect` are documents as given; a mapping of None is `auto`. `source` says where the files
    come from: {kind, and what SOURCE_FIELDS lists for it}; None where they came with the call.
    """

    source: Mapping[str, Any] | None = None
    mode: ImportMode = ImportMode.REPLACE
    partition: str | None = None
    mapping: Mapping[str, Any] | None = None
    dialect: Mapping[str, Any] | None = None
    member_pattern: str | None = None
    duplicates: DuplicatePolicy = DuplicatePolicy.KEEP_ALL
    reject_limit: float = 0.20
    dry_run: bool = False
    force: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Settle the defaults of what a caller gave; raises Invalid for combinations that make no sense."""
        mode = ImportMode(given.get("mode") or ImportMode.REPLACE)
        default = DuplicatePolicy.OCCURRENCE if mode is ImportMode.APPEND else DuplicatePolicy.KEEP_ALL
        reject_limit = given.get("reject_limit")
        mapping = given.get("mapping")
        options = cls(
            source=settled_source(given.get("source")),
            mode=mode,
            partition=given.get("partition") or None,
            mapping=None if mapping in (None, "auto") else mapping,
            dialect=given.get("dialect"),
            member_pattern=given.get("member_pattern") or None,
            duplicates=DuplicatePolicy(given.get("duplicates") or default),
            reject_limit=settings.DATASETS_REJECT_LIMIT if reject_limit is None else reject_limit,
            dry_run=bool(given.get("dry_run")),
            force=bool(given.get("force")),
        )
        options.check()
        return options

    def check(self) -> None:
        """Refuse combinations that make no sense."""
        if (self.mode is ImportMode.REPLACE_PARTITION) != (self.partition is not None):
            wrong = FieldError(
                "A partition is needed for replace_partition, and for nothing else.", pointer="/partition"
            )
            raise Invalid(errors=[wrong])
        if self.mode is ImportMode.APPEND and self.duplicates is DuplicatePolicy.EXTERNAL_ID_LAST:
            raise DuplicatesMode

    def to_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "source": self.source,
            "mode": self.mode.value,
            "partition": self.partition,
            "mapping": self.mapping or "auto",
            "dialect": self.dialect,
            "member_pattern": self.member_pattern,
            "duplicates": self.duplicates.value,
            "reject_limit": self.reject_limit,
            "dry_run": self.dry_run,
            "force": self.force,
        }


def settled_source(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a source as it is stored, without what is empty; raises Invalid unless it fits its kind."""
    if given is None:
        return None
    stated = {name: value for name, value in given.items() if value not in (None, "", [])}
    needed, allowed = SOURCE_FIELDS[stated.pop("kind")]
    missing = [
        FieldError("This is needed.", code="required", pointer=f"/source/{name}")
        for name in sorted(needed - stated.keys())
    ]
    foreign = [
        FieldError("A source of this kind has no such field.", pointer=f"/source/{name}")
        for name in sorted(stated.keys() - needed - allowed)
    ]
    if missing or foreign:
        raise Invalid(errors=[*missing, *foreign])
    return {"kind": str(given["kind"]), **stated}
