"""Which shard a metric lives in: by organization and lane, the same on every node and in every release."""

import hashlib
import uuid
import zlib


def shard_id_of(organization_id: uuid.UUID, lane: int) -> int:
    """Return the id of an organization's lane: 63 bits of a SHA-256, so that shards spread over nodes."""
    digest = hashlib.sha256(organization_id.bytes + lane.to_bytes(4, "big")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def lane_of(key: str, lanes: int) -> int:
    """Return the lane of a new metric; one that exists stays where it is when lanes are added."""
    return zlib.crc32(key.encode()) % lanes if lanes > 1 else 0
