"""An analysis as rows, and rows as edits again."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import rfc8785

from apps.projects.models import Proposal, ProposalFile
from apps.projects.renaming.values import Analysis, Conflict, Edit, FileEdits, Unscanned
from apps.projects.states import Bucket, Completeness

# What a list that is shown may hold; its count tells of all.
SHOWN_MAX: Final = 20_000


def analysis_columns(analysis: Analysis, unscanned: Sequence[Unscanned]) -> dict[str, Any]:
    """Return the columns of a proposal that an analysis fills."""
    missed = [*analysis.unscanned, *unscanned]
    is_cut = bool(unscanned) and analysis.outcome == Completeness.COMPLETE
    return {
        "symbol": _plain(analysis.symbol),
        "outcome": Completeness.PARTIAL if is_cut else analysis.outcome,
        "counts": _counts(analysis, len(missed)),
        "conflicts": _plain(analysis.conflicts[:SHOWN_MAX]),
        "residual": _plain(analysis.residual[:SHOWN_MAX]),
        "unscanned": _plain(missed[:SHOWN_MAX]),
        "scanned": dict(analysis.scanned),
        "proposal_digest": edits_digest(analysis.files),
    }


def _counts(analysis: Analysis, unscanned: int) -> dict[str, int]:
    buckets = [edit.bucket for file in analysis.files for edit in file.edits]
    return {
        "files": len(analysis.files),
        **{str(bucket): buckets.count(bucket) for bucket in Bucket},
        "residual": len(analysis.residual),
        "unscanned": unscanned,
    }


def candidate_conflicts(candidates: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the symbols that a wish may have meant, as conflicts of the code `candidate`."""
    found = (Conflict("candidate", each["path"], each["line"], each["qualified_name"]) for each in candidates)
    return list(_plain(tuple(found)))


def edits_digest(files: Iterable[FileEdits]) -> bytes:
    """Return the SHA-256 of the edits' canonical JSON."""
    listed = [
        {
            "path": file.path.decode(),
            "new_path": file.new_path.decode(),
            "blob": file.blob,
            "edits": msgspec.to_builtins(file.edits),
        }
        for file in files
    ]
    return hashlib.sha256(rfc8785.dumps(listed)).digest()


def file_rows(proposal: Proposal, files: Iterable[FileEdits]) -> list[ProposalFile]:
    """Return the unsaved rows of the files that an analysis changes."""
    return [
        ProposalFile(
            organization_id=proposal.organization_id,
            proposal=proposal,
            ordinal=ordinal,
            path=file.path,
            path_hash=hashlib.sha256(file.path).digest(),
            new_path=file.new_path,
            blob=file.blob,
            encoding=file.encoding,
            edits=_plain(file.edits),
        )
        for ordinal, file in enumerate(files)
    ]


def edits_of(row: ProposalFile) -> list[Edit]:
    """Return the edits of a row."""
    return msgspec.convert(row.edits, list[Edit])


def file_edits_of(row: ProposalFile) -> FileEdits:
    """Return a row as the analysis gave it, with the edits that people ticked."""
    return FileEdits(
        path=bytes(row.path),
        blob=row.blob,
        encoding=row.encoding,
        edits=tuple(edits_of(row)),
        new_path=bytes(row.new_path),
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON that PostgreSQL takes: texts of foreign files may hold what it does not."""
    return _storable(msgspec.to_builtins(value))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {name: _storable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value
