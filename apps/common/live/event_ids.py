"""The `id` of a server-sent event: how far a client has read each of its topics, in one opaque text.

    1.<topic>-<epoch>-<seq>.<topic>-<epoch>-<seq>      topic: 8 characters of its name's digest

A browser sends it back as Last-Event-ID when it reconnects. Nothing secret is in it and nothing is gained by
forging it: the topics' permissions are checked anew, and another epoch only means a reset.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final

from apps.common.live.streams import Position

_VERSION: Final = "1"
_ENTRY: Final = re.compile(r"([0-9a-f]{8})-([0-9a-f]{1,32})-([0-9]{1,16})")


def encode_event_id(positions: Mapping[str, Position]) -> str:
    """Return the id for a client that has read so far, by topic."""
    entries = (f"{topic_digest(topic)}-{here.epoch}-{here.seq}" for topic, here in positions.items())
    return ".".join([_VERSION, *entries])


def decode_event_id(text: str, topics: Iterable[str]) -> dict[str, Position] | None:
    """Return the positions that an id has for `topics`; None for what is no id of ours."""
    version, *entries = text.split(".")
    matches = [_ENTRY.fullmatch(entry) for entry in entries]
    if version != _VERSION or not all(matches):
        return None
    found = {match[1]: Position(int(match[3]), match[2]) for match in matches if match}
    digests = {topic: topic_digest(topic) for topic in topics}
    return {topic: found[digest] for topic, digest in digests.items() if digest in found}


def topic_digest(topic: str) -> str:
    """Return a short name of a topic, so that ids stay short."""
    return hashlib.blake2b(topic.encode(), digest_size=4).hexdigest()
