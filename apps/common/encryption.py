"""Encryption at rest, of what must be read again: AES-256-GCM under a list of keys.

A sealed value is `version (1) | key id (4) | nonce (12) | ciphertext and tag`. The first of ENCRYPTION_KEYS
seals, all of them open; the key id says which, so that keys can be exchanged without a pause.
"""

import hashlib
import secrets
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

VERSION: Final = b"\x01"
KEY_ID_BYTES: Final = 4
NONCE_BYTES: Final = 12
HEAD_BYTES: Final = len(VERSION) + KEY_ID_BYTES + NONCE_BYTES


class SealBrokenError(ValueError):
    """A value was not sealed here, for this place, under a key that is still in ENCRYPTION_KEYS."""


def seal(plain: bytes, *, place: str) -> bytes:
    """Return `plain` encrypted under the newest key; it opens only for the same `place`.

    `place` names the one column and row of the value, so that nobody can put it into another row.
    """
    secret = settings.ENCRYPTION_KEYS[0]
    head = VERSION + key_id(secret)
    nonce = secrets.token_bytes(NONCE_BYTES)
    return head + nonce + _cipher(secret).encrypt(nonce, plain, head + place.encode())


def unseal(sealed: bytes | memoryview, *, place: str) -> bytes:
    """Return what was sealed; raises SealBrokenError."""
    value = bytes(sealed)
    head, nonce = value[: HEAD_BYTES - NONCE_BYTES], value[HEAD_BYTES - NONCE_BYTES : HEAD_BYTES]
    secret = _keys().get(head[len(VERSION) :])
    if not head.startswith(VERSION) or secret is None:
        raise SealBrokenError("sealed under a key that is not in ENCRYPTION_KEYS")
    try:
        return _cipher(secret).decrypt(nonce, value[HEAD_BYTES:], head + place.encode())
    except InvalidTag as error:
        raise SealBrokenError("the sealed value was changed, or belongs elsewhere") from error


def is_sealed_newest(sealed: bytes | memoryview) -> bool:
    """Tell whether a value is sealed under the newest key, so that the others are not needed for it."""
    return bytes(sealed)[: HEAD_BYTES - NONCE_BYTES] == VERSION + key_id(settings.ENCRYPTION_KEYS[0])


def key_id(secret: str) -> bytes:
    """Return the public name of a key."""
    return hashlib.sha256(b"sextant key id\0" + secret.encode()).digest()[:KEY_ID_BYTES]


def _keys() -> dict[bytes, str]:
    return {key_id(secret): secret for secret in settings.ENCRYPTION_KEYS}


@lru_cache(maxsize=16)
def _cipher(secret: str) -> AESGCM:
    """Return the cipher of a secret; one hash is enough to make a key of 32 random bytes of any spelling."""
    return AESGCM(hashlib.sha256(b"sextant encryption\0" + secret.encode()).digest())
