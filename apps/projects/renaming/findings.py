"""Occurrences that were sorted, and how they become edits of files."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from apps.projects.renaming.selecting import EDITS_MAX, Selected
from apps.projects.renaming.values import Edit, FileEdits, Residual, Unscanned
from apps.projects.renaming.writing import edit_id
from apps.projects.states import Bucket


@dataclass(frozen=True, slots=True)
class Finding:
    """An occurrence as the source spells it (`text`), its bucket and why."""

    path: str
    line: int
    column: int
    text: str
    after: str
    bucket: Bucket
    reason: str
    group: str = ""

    def sorted_as(self, bucket: Bucket, reason: str, group: str = "") -> "Finding":
        """Return the occurrence in another bucket."""
        return replace(self, bucket=bucket, reason=reason, group=group)


def files_of(
    findings: Iterable[Finding], selected: Selected, moves: Mapping[str, str]
) -> tuple[FileEdits, ...]:
    """Return the findings as edits of files, in order of path and offset; `moves` is {path: new path}."""
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_path[finding.path].append(finding)
    return tuple(
        file_edits(path, by_path[path], selected, moves.get(path, "")) for path in sorted({*by_path, *moves})
    )


def file_edits(path: str, findings: Sequence[Finding], selected: Selected, new_path: str) -> FileEdits:
    """Return one file's edits."""
    source, text = selected.files[path], selected.texts[path]
    edits = []
    for finding in findings:
        start = text.offset(finding.line, finding.column)
        end = start + len(finding.text.encode(text.codec))
        edits.append(
            Edit(
                id=edit_id(source.blob, start, end),
                bucket=finding.bucket,
                reason=finding.reason,
                group=finding.group,
                line=finding.line,
                column=finding.column,
                start=start,
                end=end,
                before=finding.text,
                after=finding.after,
                selected=finding.bucket == Bucket.CERTAIN,
            )
        )
    edits.sort(key=lambda edit: edit.start)
    return FileEdits(source.path, source.blob, source.encoding, tuple(edits), new_path.encode())


def refuse_encodings(findings: Sequence[Finding], name: str, selected: Selected) -> list[Finding]:
    """Refuse what lies in files whose encoding cannot hold the name, and the groups that reach there."""
    narrow = {path for path in {item.path for item in findings} if not selected.texts[path].can_hold(name)}
    groups = {item.group for item in findings if item.path in narrow and item.group}
    return [
        replace(item, bucket=Bucket.REFUSED, reason="encoding")
        if item.path in narrow or item.group in groups
        else item
        for item in findings
    ]


def within_limit(findings: Sequence[Finding]) -> tuple[list[Finding], list[Unscanned]]:
    """Keep whole files while their edits fit; the others are as good as not looked at."""
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_path[finding.path].append(finding)
    kept: list[Finding] = []
    left: list[Unscanned] = []
    for path, items in sorted(by_path.items()):
        if len(kept) + len(items) <= EDITS_MAX:
            kept.extend(items)
        else:
            left.append(Unscanned(path, "limit"))
    return kept, left


def residual_of(items: Iterable[tuple[Finding, str]]) -> tuple[Residual, ...]:
    """Return occurrences that stay, with the reason of each, in order."""
    return tuple(
        sorted(
            (Residual(item.path, item.line, item.column, item.text, reason) for item, reason in items),
            key=lambda item: (item.path, item.line, item.column),
        )
    )
