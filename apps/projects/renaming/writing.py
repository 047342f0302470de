"""Edits of one file, as bytes: only the names change; encoding, byte order mark and line ends stay."""

import hashlib
from collections.abc import Sequence

from apps.projects.renaming.errors import RenameConflict
from apps.projects.renaming.texts import NotText, codec_name
from apps.projects.renaming.values import Edit


def edit_id(blob: str, start: int, end: int) -> str:
    """Name an edit: equal blob and position, equal name, over all analyses."""
    return hashlib.sha256(f"{blob}:{start}:{end}".encode()).hexdigest()[:20]


def apply_edits(content: bytes, edits: Sequence[Edit], encoding: str = "utf-8") -> bytes:
    """Return the content with the edits made, whatever order they come in.

    The old bytes are compared first. Raises RenameConflict where they differ, where edits overlap, and where
    the encoding has no bytes for the new name: then nothing is to be written.
    """
    try:
        codec = codec_name(encoding)
    except NotText as error:
        raise RenameConflict("The file's encoding is not known.") from error
    parts: list[bytes] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        try:
            before, after = edit.before.encode(codec), edit.after.encode(codec)
        except UnicodeEncodeError as error:
            raise RenameConflict("The file's encoding cannot hold the new name.") from error
        if edit.start < done or content[edit.start : edit.end] != before:
            raise RenameConflict("The file is not what was looked at.")
        parts += [content[done : edit.start], after]
        done = edit.end
    return b"".join([*parts, content[done:]])
