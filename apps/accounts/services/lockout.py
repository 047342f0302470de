"""Failed sign-ins: counted in PostgreSQL, so that no loss of a cache opens a door (platform.md section 4).

A scope is an address with an IP, an address, or an IP. The first half of its key belongs to the address, so
that everything of one address is one range of keys and can be forgotten at once.
"""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from apps.accounts.models import LoginFailure
from apps.common.errors import Throttled

HALF_BYTES: Final = 16


class SignInLocked(Throttled):
    """There were too many failed sign-ins.

    Wait for the time that Retry-After states, or set a new password by the link of `/auth/password/forgot`,
    which works meanwhile and unlocks your address.
    """

    code = "auth.locked"


@dataclass(frozen=True, slots=True)
class Rule:
    """So many failures within a window lock a scope for a while."""

    failures: int
    window: dt.timedelta
    lock: dt.timedelta


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted, and by which rule."""

    key: bytes
    rule: Rule
    is_address: bool = False


PER_ADDRESS_AND_IP: Final = Rule(5, dt.timedelta(minutes=15), dt.timedelta(minutes=15))
PER_ADDRESS: Final = Rule(20, dt.timedelta(hours=1), dt.timedelta(minutes=30))
PER_IP: Final = Rule(50, dt.timedelta(minutes=15), dt.timedelta(minutes=15))

# A window that has passed, or a lock that is over, starts the count anew. A lock in force is not prolonged.
OVER: Final = "(kept.locked_until <= %(now)s OR kept.locked_until IS NULL AND kept.window_start <= %(past)s)"
COUNT: Final = f"""
    INSERT INTO accounts_login_failure AS kept (scope_hash, window_start, failures)
    VALUES (%(key)s, %(now)s, 1)
    ON CONFLICT (scope_hash) DO UPDATE SET
        window_start = CASE WHEN {OVER} THEN %(now)s ELSE kept.window_start END,
        failures = CASE WHEN {OVER} THEN 1 ELSE kept.failures + 1 END,
        locked_until = CASE
            WHEN {OVER} THEN NULL
            WHEN kept.failures + 1 = %(limit)s THEN %(now)s + %(lock)s
            ELSE kept.locked_until END
    RETURNING failures
"""  # noqa: S608 - the part put in is the line above


def refuse_locked(*, email: str, ip: str | None, now: dt.datetime) -> None:
    """Raise SignInLocked while the address or the IP is locked. Issues one query."""
    keys = [scope.key for scope in _scopes(email, ip)]
    locked = LoginFailure.objects.filter(scope_hash__in=keys, locked_until__gt=now)
    until = locked.order_by("-locked_until").values_list("locked_until", flat=True).first()
    if until is not None:
        raise SignInLocked(retry_after_s=math.ceil((until - now).total_seconds()))


@transaction.atomic
def count_failure(*, email: str, ip: str | None, now: dt.datetime) -> bool:
    """Count one failure in each scope; return whether it was the one that locked the address everywhere.

    Each scope is one statement, so that failures at once are all counted. Scopes are taken in one order, so
    two failures never wait for each other.
    """
    has_locked_address = False
    with connection.cursor() as cursor:
        for scope in _scopes(email, ip):
            rule = scope.rule
            values: dict[str, Any] = {"key": scope.key, "now": now, "past": now - rule.window}
            cursor.execute(COUNT, values | {"limit": rule.failures, "lock": rule.lock})
            (failures,) = cursor.fetchone()
            has_locked_address |= scope.is_address and failures == rule.failures
    return has_locked_address


def forget_failures(*, email: str, ip: str | None) -> None:
    """Start the count of an address at an IP anew, after a sign-in; those of the two alone go on."""
    LoginFailure.objects.filter(scope_hash=_scopes(email, ip)[0].key).delete()


def unlock(*, email: str) -> None:
    """Forget all failures of an address, wherever they came from."""
    half = _half("address", email.strip().lower())
    LoginFailure.objects.filter(scope_hash__range=_range_of(half)).delete()


def locked_until(*, email: str, now: dt.datetime) -> dt.datetime | None:
    """Return until when the address is locked, for all IPs or for one; None if it is not."""
    half = _half("address", email.strip().lower())
    locked = LoginFailure.objects.filter(scope_hash__range=_range_of(half), locked_until__gt=now)
    return locked.order_by("-locked_until").values_list("locked_until", flat=True).first()


def _scopes(email: str, ip: str | None) -> tuple[Scope, ...]:
    """Return the scopes of an attempt; without an IP (a Unix socket's peer) nothing is counted for it."""
    address, place = _half("address", email.strip().lower()), _half("ip", ip or "")
    scopes = (
        Scope(address + place, PER_ADDRESS_AND_IP),
        Scope(address + bytes(HALF_BYTES), PER_ADDRESS, is_address=True),
        Scope(bytes(HALF_BYTES) + place, PER_IP),
    )
    return scopes if ip else scopes[:2]


def _half(kind: str, text: str) -> bytes:
    """Return half a key. Keyed, so that the table tells nobody who tried to sign in."""
    return salted_hmac(f"accounts.lockout.{kind}", text, algorithm="sha256").digest()[:HALF_BYTES]


def _range_of(half: bytes) -> tuple[bytes, bytes]:
    return half + bytes(HALF_BYTES), half + b"\xff" * HALF_BYTES
