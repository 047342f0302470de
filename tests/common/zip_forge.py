"""A writer of zip files that lies on demand: every field of every record can be set apart."""

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from apps.common.archives.directory import CENTRAL, END, LOCAL

UTF8 = 1 << 11
DESCRIPTOR = 1 << 3


@dataclass
class Entry:
    """One entry; `local`, `central` override single fields of the record by name."""

    name: str | bytes
    content: bytes = b"a,b\n1,2\n"
    deflated: bool = True
    flags: int = UTF8
    mode: int = 0
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    local_extra: bytes = b""
    central_extra: bytes = b""
    padding: bytes = b""
    data: bytes | None = None
    descriptor: bytes | None = None

    def __post_init__(self) -> None:
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        deflated = compressor.compress(self.content) + compressor.flush()
        if self.data is None:
            self.data = deflated if self.deflated else self.content
        self.facts: dict[str, Any] = {
            "name": self.name if isinstance(self.name, bytes) else self.name.encode(),
            "flags": self.flags,
            "method": 8 if self.deflated else 0,
            "crc": zlib.crc32(self.content),
            "compressed_size": len(self.data),
            "size": len(self.content),
        }

    def local_record(self) -> bytes:
        facts = self.facts | self.local
        sizes = (facts["crc"], facts["compressed_size"], facts["size"])
        if self.flags & DESCRIPTOR:
            sizes = (0, 0, 0)
        name = facts["name"]
        head = LOCAL.pack(
            b"PK\x03\x04", 20, facts["flags"], facts["method"], 0, 0, *sizes, len(name), len(self.local_extra)
        )
        return head + bytes(name) + self.local_extra

    def trailer(self) -> bytes:
        if self.descriptor is not None:
            return self.descriptor
        if not self.flags & DESCRIPTOR:
            return b""
        facts = self.facts
        return b"PK\x07\x08" + struct.pack("<3L", facts["crc"], facts["compressed_size"], facts["size"])

    def central_record(self, offset: int) -> bytes:
        facts = {**self.facts, "offset": offset, **self.central}
        head = CENTRAL.pack(
            b"PK\x01\x02",
            *(20 | 3 << 8, 20, facts["flags"], facts["method"], 0, 0),
            *(facts["crc"], facts["compressed_size"], facts["size"]),
            *(len(facts["name"]), len(self.central_extra), 0, 0, 0),
            *(self.mode << 16, facts["offset"]),
        )
        return head + bytes(facts["name"]) + self.central_extra


def forge(
    *entries: Entry,
    prefix: bytes = b"",
    before_end: bytes = b"",
    comment: bytes = b"",
    after: bytes = b"",
    **end: int,
) -> bytes:
    """Return a zip of `entries`; `end` overrides the end record: entries, here, size, offset, disk."""
    body = prefix
    directory = b""
    for entry in entries:
        directory += entry.central_record(len(body))
        body += entry.local_record() + (entry.data or b"") + entry.trailer() + entry.padding
    facts = {"disk": 0, "here": len(entries), "entries": len(entries), "size": len(directory)}
    facts |= {"offset": len(body)} | end
    record = END.pack(
        b"PK\x05\x06",
        *(facts["disk"], 0, facts["here"], facts["entries"], facts["size"], facts["offset"]),
        len(comment),
    )
    return body + directory + before_end + record + comment + after
