"""Why an archive is refused."""

from apps.common.errors import Invalid


class ArchiveRefused(Invalid):
    """The archive is not accepted."""

    code = "upload.archive_refused"


class ArchiveCorrupt(ArchiveRefused):
    """The archive is broken or cut off."""

    code = "upload.archive_corrupt"


class ArchiveMethodUnsupported(ArchiveRefused):
    """An entry is compressed in a way that is not read here; stored and deflated entries are."""

    code = "upload.archive_method"


class ArchiveEncrypted(ArchiveRefused):
    """An entry is encrypted."""

    code = "upload.archive_encrypted"


class ArchiveUnsafePath(ArchiveRefused):
    """An entry's path is not a plain relative one.

    It is absolute or leads upwards, names a drive, or holds a backslash or a control character.
    """

    code = "upload.archive_unsafe_path"


class ArchiveSpecialFile(ArchiveRefused):
    """An entry is a link or a device instead of a file."""

    code = "upload.archive_special_file"


class ArchiveDuplicate(ArchiveRefused):
    """Two entries have the same path, or paths that some systems take for the same."""

    code = "upload.archive_duplicate"


class ArchiveOverlap(ArchiveRefused):
    """Two entries share bytes of the archive."""

    code = "upload.archive_overlap"


class ArchiveMismatch(ArchiveRefused):
    """The archive describes an entry in two ways that differ."""

    code = "upload.archive_header_mismatch"


class ArchiveTrailingData(ArchiveRefused):
    """The archive holds bytes that belong to no entry."""

    code = "upload.archive_trailing_data"


class ArchiveTooManyEntries(ArchiveRefused):
    """The archive has more entries than allowed."""

    code = "upload.archive_too_many_entries"


class ArchiveTooLarge(ArchiveRefused):
    """The archive's content is larger than allowed."""

    code = "upload.archive_too_large"


class ArchiveRatio(ArchiveRefused):
    """An entry inflates to more than the allowed multiple of its compressed size."""

    code = "upload.archive_ratio"


class ArchiveTooDeep(ArchiveRefused):
    """An entry lies deeper in folders than allowed."""

    code = "upload.archive_too_deep"
