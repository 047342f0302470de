"""Reading the content of archives as streams, counted and checked on the way."""

import io
import zlib
from typing import BinaryIO, Final

from apps.common.archives.errors import ArchiveCorrupt, ArchiveMismatch, ArchiveRatio, ArchiveTooLarge
from apps.common.archives.inspection import ArchiveLimits, ArchiveMember
from apps.common.archives.names import quoted

BLOCK_BYTES: Final = 64 * 1024
RAW_DEFLATE: Final = -zlib.MAX_WBITS
GZIP: Final = zlib.MAX_WBITS | 16


def open_member(file: BinaryIO, member: ArchiveMember) -> BinaryIO:
    """Open one member for reading; several may be open at once, closing one leaves `file` open.

    Reading raises ArchiveMismatch as soon as more comes out than the directory says, and at the end if it was
    less; ArchiveCorrupt for a wrong checksum or broken data. Who stops early has checked nothing.
    """
    return io.BufferedReader(_MemberStream(file, member), BLOCK_BYTES)


def open_gzip(file: BinaryIO, *, limits: ArchiveLimits) -> BinaryIO:
    """Open a .gz file for reading; several members in a row are one file, as gzip itself has it.

    Reading raises ArchiveTooLarge and ArchiveRatio as soon as more comes out than allowed, ArchiveCorrupt for
    broken data, a wrong checksum, or bytes after the last member.
    """
    return io.BufferedReader(_GzipStream(file, limits), BLOCK_BYTES)


class _MemberStream(io.RawIOBase):
    """The inflated bytes of one member."""

    def __init__(self, file: BinaryIO, member: ArchiveMember) -> None:
        self._file = file
        self._member = member
        self._position = member.data_offset
        self._end = member.data_offset + member.compressed_size
        self._inflater = zlib.decompressobj(RAW_DEFLATE) if member.is_deflated else None
        self._pending = b""
        self._crc = 0
        self._count = 0
        self._is_checked = False

    def readable(self) -> bool:
        """Tell that this stream can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` as far as one step of inflating goes; 0 at the end, after the last checks."""
        found = self._step(len(buffer))
        self._crc = zlib.crc32(found, self._crc)
        self._count += len(found)
        if self._count > self._member.size:
            raise ArchiveMismatch(f"{quoted(self._member.name)} is larger than the directory says.")
        if not found and len(buffer) and not self._is_checked:
            self._check_end()
        buffer[: len(found)] = found
        return len(found)

    def _step(self, length: int) -> bytes:
        if self._inflater is None:
            return self._take(length)
        found = b""
        while not found and not self._inflater.eof:
            block = self._pending or self._take(BLOCK_BYTES)
            try:
                found = self._inflater.decompress(block, length)
            except zlib.error as error:
                raise ArchiveCorrupt(f"{quoted(self._member.name)} cannot be inflated.") from error
            self._pending = self._inflater.unconsumed_tail
            if not block and not found:
                break
        return found

    def _take(self, length: int) -> bytes:
        """Return the next bytes of the archive that belong to the member."""
        # Sought each time, so that members can be read side by side.
        self._file.seek(self._position)
        found = self._file.read(min(length, self._end - self._position))
        self._position += len(found)
        return found

    def _check_end(self) -> None:
        """Compare size and checksum, and require that all compressed bytes were used."""
        self._is_checked = True
        name = quoted(self._member.name)
        if self._inflater is not None and (not self._inflater.eof or self._inflater.unused_data):
            raise ArchiveCorrupt(f"{name} is cut off, or followed by bytes that belong to nothing.")
        if self._position != self._end:
            raise ArchiveCorrupt(f"{name} is cut off, or followed by bytes that belong to nothing.")
        if self._count != self._member.size:
            raise ArchiveMismatch(f"{name} is smaller than the directory says.")
        if self._crc != self._member.crc:
            raise ArchiveCorrupt(f"{name} has a wrong checksum.")


class _GzipStream(io.RawIOBase):
    """The inflated bytes of a gzip file."""

    def __init__(self, file: BinaryIO, limits: ArchiveLimits) -> None:
        self._file = file
        self._limits = limits
        self._inflater = zlib.decompressobj(GZIP)
        self._pending = b""
        self._read_bytes = 0
        self._count = 0

    def readable(self) -> bool:
        """Tell that this stream can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` as far as one step of inflating goes; 0 at the end."""
        found = self._step(len(buffer))
        self._count += len(found)
        if self._count > self._limits.total_bytes:
            raise ArchiveTooLarge(f"The file inflates to more than {self._limits.total_bytes} bytes.")
        if self._count > self._limits.ratio * max(self._read_bytes, 1):
            raise ArchiveRatio(f"The file inflates to more than {self._limits.ratio} times its size.")
        buffer[: len(found)] = found
        return len(found)

    def _step(self, length: int) -> bytes:
        found = b""
        while not found:
            block = self._pending or self._take()
            if self._inflater.eof:
                if not block:
                    return b""
                self._inflater = zlib.decompressobj(GZIP)
            try:
                found = self._inflater.decompress(block, length)
            except zlib.error as error:
                raise ArchiveCorrupt("The file is not, or not only, gzip data.") from error
            self._pending = self._inflater.unused_data or self._inflater.unconsumed_tail
            if not block and not found and not self._inflater.eof:
                raise ArchiveCorrupt("The file is cut off.")
        return found

    def _take(self) -> bytes:
        found = self._file.read(BLOCK_BYTES)
        self._read_bytes += len(found)
        return found
