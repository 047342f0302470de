"""Archives from outside: refused whole or taken as they are, never mended, never unpacked to disk.

    members = list_members(file, limits=ArchiveLimits())     # everything is judged before a byte is inflated
    with open_member(file, members[0]) as stream: ...        # counted and checked while inflating

`names` judges paths, `directory` parses the records of a zip, `inspection` compares them, `inflating` reads.
What a nested archive means is the caller's decision: `file_types.detect` tells.
"""

from apps.common.archives.errors import (
    ArchiveCorrupt,
    ArchiveDuplicate,
    ArchiveEncrypted,
    ArchiveMethodUnsupported,
    ArchiveMismatch,
    ArchiveOverlap,
    ArchiveRatio,
    ArchiveRefused,
    ArchiveSpecialFile,
    ArchiveTooDeep,
    ArchiveTooLarge,
    ArchiveTooManyEntries,
    ArchiveTrailingData,
    ArchiveUnsafePath,
)
from apps.common.archives.inflating import open_gzip, open_member
from apps.common.archives.inspection import ArchiveLimits, ArchiveMember, list_members

__all__ = [
    "ArchiveCorrupt",
    "ArchiveDuplicate",
    "ArchiveEncrypted",
    "ArchiveLimits",
    "ArchiveMember",
    "ArchiveMethodUnsupported",
    "ArchiveMismatch",
    "ArchiveOverlap",
    "ArchiveRatio",
    "ArchiveRefused",
    "ArchiveSpecialFile",
    "ArchiveTooDeep",
    "ArchiveTooLarge",
    "ArchiveTooManyEntries",
    "ArchiveTrailingData",
    "ArchiveUnsafePath",
    "list_members",
    "open_gzip",
    "open_member",
]
