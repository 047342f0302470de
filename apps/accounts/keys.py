"""API keys: format, checksum, the hash that is stored, and what scopes grant. No database here.

`sxk_<prefix 8>_<random 32><CRC-32 6>`, all base62. The checksum lets scanners and this server tell a mistyped
key from an unknown one without a query.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from apps.accounts import roles
from apps.accounts.models import Role
from apps.common.errors import Unauthenticated

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
MARK = "sxk_"
FORMAT = re.compile(r"sxk_([0-9A-Za-z]{8})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")
PREFIX_LENGTH = 8
RANDOM_LENGTH = 32
CHECKSUM_LENGTH = 6
# Which columns of the role table a scope opens.
SCOPE_COLUMNS = {"read": (0,), "write": (1,), "manage": (2, 3)}
SPECIAL_SCOPES = {
    "metrics:ingest": frozenset({"metrics.write"}),
    "metrics:backfill": frozenset({"metrics.backfill"}),
    "mcp": frozenset[str](),
    "health:read": frozenset[str](),
}


class KeyInvalid(Unauthenticated):
    """The API key is unknown or was revoked."""

    code = "auth.key_invalid"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown once, and what is stored of it."""

    raw: str
    prefix: str
    hash: bytes
    pepper_id: str


def _scope_table() -> dict[str, frozenset[str]]:
    table = {
        f"{app}:{name}": frozenset(f"{app}.{verb}" for column in columns for verb in grants[column].split())
        for app, grants in roles.GRANTS.items()
        for name, columns in SCOPE_COLUMNS.items()
    }
    return table | SPECIAL_SCOPES


SCOPES = _scope_table()


def new_key() -> NewKey:
    """Return a fresh key, hashed with the newest pepper."""
    prefix, random = _random(PREFIX_LENGTH), _random(RANDOM_LENGTH)
    raw = f"{MARK}{prefix}_{random}{checksum(f'{MARK}{prefix}_{random}')}"
    pepper = settings.KEY_PEPPERS[0]
    return NewKey(raw=raw, prefix=prefix, hash=key_hash(raw, pepper), pepper_id=pepper_id(pepper))


def looks_like_key(text: str) -> bool:
    """Tell whether a credential is meant as an API key."""
    return text.startswith(MARK)


def prefix_of(raw: str) -> str:
    """Return the prefix under which a key is stored; raises KeyInvalid for a wrong form or checksum."""
    found = FORMAT.fullmatch(raw)
    if not found or not hmac.compare_digest(checksum(raw[:-CHECKSUM_LENGTH]), found[3]):
        raise KeyInvalid("The API key is mistyped: its checksum is wrong.")
    return found[1]


def is_hash_of(stored: bytes | memoryview, stored_pepper_id: str, raw: str) -> bool:
    """Tell in constant time whether a stored hash is that of a key."""
    peppers = {pepper_id(pepper): pepper for pepper in settings.KEY_PEPPERS}
    pepper = peppers.get(stored_pepper_id)
    return pepper is not None and hmac.compare_digest(key_hash(raw, pepper), bytes(stored))


def current_hash(raw: str) -> tuple[bytes, str]:
    """Return hash and pepper id under the newest pepper."""
    pepper = settings.KEY_PEPPERS[0]
    return key_hash(raw, pepper), pepper_id(pepper)


def key_hash(raw: str, pepper: str) -> bytes:
    """Return HMAC-SHA256 of a key; a plain fast hash is enough for 190 random bits."""
    return hmac.digest(pepper.encode(), raw.encode(), "sha256")


def pepper_id(pepper: str) -> str:
    """Return the public name of a pepper."""
    return hashlib.sha256(pepper.encode()).hexdigest()[:8]


def checksum(text: str) -> str:
    """Return CRC-32 as six base62 digits."""
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def granted(role: Role, scopes: Iterable[str]) -> frozenset[str]:
    """Return the permissions of a key: those of its scopes, cut by its role."""
    return opened(scopes) & roles.PERMISSIONS[role]


def opened(scopes: Iterable[str]) -> frozenset[str]:
    """Return the permissions that scopes open, whatever the role."""
    return frozenset[str]().union(*(SCOPES.get(scope, frozenset()) for scope in scopes))


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
