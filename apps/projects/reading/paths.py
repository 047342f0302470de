"""Paths in a git tree, as they come in and go out: keys of a tree, never names in a file system."""

import base64
import binascii
import hashlib
from typing import Final

from apps.common.errors import NotFound
from apps.projects.errors import PathInvalid

PATH_MAX_BYTES: Final = 4_096
# What a server puts where bytes were no UTF-8: which file was meant is no longer known.
REPLACEMENT: Final = "\ufffd"


def vet_path(text: str) -> bytes:
    """Return the bytes of a path, already percent-decoded once; empty is the root.

    Raises PathInvalid for what no tree can hold or what climbs, NotFound where bytes were lost on the way.
    """
    try:
        path = text.encode()
    except UnicodeEncodeError as error:
        raise PathInvalid from error
    if REPLACEMENT in text:
        raise NotFound
    return vet_bytes(path)


def vet_bytes(path: bytes) -> bytes:
    """Return a path, or raise PathInvalid; empty is the root."""
    if not path:
        return path
    if len(path) > PATH_MAX_BYTES or b"\0" in path or b"\\" in path:
        raise PathInvalid
    if any(part in {b"", b".", b".."} for part in path.split(b"/")):
        raise PathInvalid
    return path


def path_key(path: bytes) -> str:
    """Return the key that names a path whatever its bytes are: base64url without padding."""
    return base64.urlsafe_b64encode(path).rstrip(b"=").decode()


def path_of_key(key: str) -> bytes:
    """Return the path of a key; raises PathInvalid, also for other spellings of the same bytes."""
    try:
        path = base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise PathInvalid from error
    if path_key(path) != key:
        raise PathInvalid
    return vet_bytes(path)


def shown_path(path: bytes) -> str | None:
    """Return a path as text; None if it is not UTF-8."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return None


def shown_name(path: bytes) -> str:
    """Return the last part of a path for people: what is not UTF-8 stands as U+FFFD."""
    return path.rpartition(b"/")[2].decode("utf-8", "replace")


def hash_of(path: bytes) -> bytes:
    """Return what keys a path in the tables: its SHA-256."""
    return hashlib.sha256(path).digest()


def parent_of(path: bytes) -> bytes:
    """Return the folder of a path; empty is the root."""
    return path.rpartition(b"/")[0]
