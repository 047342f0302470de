"""Secrets of previews: how they look, and what is stored of them. No database here.

A token is `sxp_` + 32 base32 characters (160 bits), a grant `sxg_` + 40 (200 bits): as long as what the log
blanks in a path, since a grant stands in one. Stored is HMAC-SHA256 under a pepper; a fast hash is enough for
so many random bits.
"""

import hmac
import ipaddress
import re
import secrets
import uuid
from typing import Final

from django.conf import settings

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
TOKEN_MARK: Final = "sxp_"  # noqa: S105 - how tokens begin
GRANT_MARK: Final = "sxg_"
TOKEN_CHARS: Final = 32
GRANT_CHARS: Final = 40
PUBLIC_ID_CHARS: Final = 12
PREFIX_CHARS: Final = 8
TOKEN_FORMAT: Final = re.compile(rf"{TOKEN_MARK}[a-z2-7]{{{TOKEN_CHARS}}}")


def new_token() -> str:
    """Return a token that opens a session."""
    return TOKEN_MARK + _random(TOKEN_CHARS)


def new_grant() -> str:
    """Return the secret of a download's address."""
    return GRANT_MARK + _random(GRANT_CHARS)


def new_public_id() -> str:
    """Return the id of a session that links show."""
    return _random(PUBLIC_ID_CHARS)


def stored_hash(raw: str) -> bytes:
    """Return what is stored of a secret, under the newest pepper."""
    return _hmac(settings.KEY_PEPPERS[0], raw)


def possible_hashes(raw: str) -> list[bytes]:
    """Return what may be stored of a secret: one hash per pepper, as many for a malformed one."""
    # Bounded, so that a long guess costs no more than a short one.
    return [_hmac(pepper, raw[:200]) for pepper in settings.KEY_PEPPERS]


def device_hash(session_id: uuid.UUID, device_id: str) -> bytes:
    """Return what is stored of a device's id: another value in each session."""
    return stored_hash(f"{session_id}:{device_id}")


def possible_device_hashes(session_id: uuid.UUID, device_id: str) -> list[bytes]:
    """Return what may be stored of a device's id."""
    return possible_hashes(f"{session_id}:{device_id}")


def network_of(address: str | None) -> str:
    """Return the network of an address, /24 or /48: enough to tell offices apart, too little for people."""
    if not address:
        return ""
    parsed = ipaddress.ip_address(address)
    bits = 24 if parsed.version == 4 else 48  # noqa: PLR2004 - the version of IP
    return str(ipaddress.ip_network(f"{parsed}/{bits}", strict=False))


def _hmac(pepper: str, raw: str) -> bytes:
    return hmac.digest(pepper.encode(), raw.encode(errors="replace"), "sha256")


def _random(length: int) -> str:
    # Of 32 signs each takes five bits of a random byte.
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in secrets.token_bytes(length))
