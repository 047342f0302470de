"""Signatures of manifests: Ed25519 over the schema's name and the hex digest.

The seed of each key is derived from one secret of PROJECTS_MANIFEST_KEYS. The first signs, all verify: a key
that was replaced stays in the list for as long as its manifests are to be checked.
"""

import base64
import functools
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from apps.projects.manifests.values import SCHEMA

ALGORITHM: Final = "ed25519"
_SEED_DOMAIN: Final = b"sextant manifest key 1\n"
_KEY_ID_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature of 64 bytes, and which key made it."""

    key_id: str
    content: bytes

    @property
    def header(self) -> str:
        """Return the value of the header Sextant-Signature."""
        return f"{self.key_id}:{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True, slots=True)
class ManifestKey:
    """A key that verifies; the active one signs, too."""

    key_id: str
    public_key: bytes
    is_active: bool


def signed_bytes(digest: bytes) -> bytes:
    """Return what is signed of a document with this SHA-256."""
    return f"{SCHEMA}\n{digest.hex()}".encode()


def sign(digest: bytes) -> Signature:
    """Sign a document's digest with the newest key."""
    private = _private_keys(tuple(settings.PROJECTS_MANIFEST_KEYS))[0]
    return Signature(key_id_of(_public_bytes(private)), private.sign(signed_bytes(digest)))


def is_signed(digest: bytes, signature: Signature) -> bool:
    """Tell whether one of the known keys made the signature of this digest."""
    for key in manifest_keys():
        if key.key_id == signature.key_id:
            return _is_good(key.public_key, digest, signature.content)
    return False


def manifest_keys() -> tuple[ManifestKey, ...]:
    """Return all known keys, the active one first."""
    found = [_public_bytes(key) for key in _private_keys(tuple(settings.PROJECTS_MANIFEST_KEYS))]
    return tuple(ManifestKey(key_id_of(public), public, place == 0) for place, public in enumerate(found))


def key_id_of(public_key: bytes) -> str:
    """Return the name of a public key: the start of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:_KEY_ID_CHARS]


@functools.lru_cache(maxsize=4)
def _private_keys(secrets: tuple[str, ...]) -> tuple[Ed25519PrivateKey, ...]:
    seeds = [hashlib.sha256(_SEED_DOMAIN + secret.encode()).digest() for secret in secrets]
    return tuple(Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds)


def _public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _is_good(public_key: bytes, digest: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed_bytes(digest))
    except InvalidSignature:
        return False
    return True
