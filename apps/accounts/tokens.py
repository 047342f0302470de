"""Signing and reading of API tokens: HS256 with a key id, and what the claims mean. No database here."""

import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass
from typing import Any, Literal, cast

import jwt
from django.conf import settings

from apps.common.errors import Unauthenticated

ALGORITHM = "HS256"
ISSUER = "sextant"
AUDIENCE = "sextant-api"
LEEWAY_S = 10
REQUIRED_CLAIMS = ["iss", "aud", "typ", "sub", "sid", "gen", "jti", "iat", "exp"]

TokenType = Literal["access", "refresh"]


class TokenInvalid(Unauthenticated):
    """The token is not valid here."""

    code = "auth.token_invalid"


class TokenExpired(Unauthenticated):
    """The token has expired.

    Get a new one by `/auth/refresh`, or sign in again.
    """

    code = "auth.token_expired"


@dataclass(frozen=True, slots=True)
class Claims:
    """The facts in a token. `organization_id` is the active one at sign-in; roles are never in a token."""

    type: TokenType
    user_id: uuid.UUID
    session_id: uuid.UUID
    organization_id: uuid.UUID | None
    generation: int
    jti: uuid.UUID
    issued_at: dt.datetime
    expires_at: dt.datetime


def sign_token(claims: Claims) -> str:
    """Return the token. The same claims give the same bytes, which the grace of a refresh relies on."""
    secret = settings.JWT_SIGNING_KEYS[0]
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "typ": claims.type,
        "sub": str(claims.user_id),
        "sid": str(claims.session_id),
        "org": str(claims.organization_id) if claims.organization_id else None,
        "gen": claims.generation,
        "jti": str(claims.jti),
        "iat": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
    }
    return jwt.encode(payload, secret, algorithm=ALGORITHM, headers={"kid": key_id(secret)})


def read_token(token: str, expected: TokenType) -> Claims:
    """Return the claims of a token of ours; raises TokenExpired, and TokenInvalid for anything else wrong.

    The algorithm is ours, never the header's: `none` and RS256 are refused, as is an unknown key id.
    """
    try:
        payload = jwt.decode(
            token,
            _secret_of(jwt.get_unverified_header(token).get("kid")),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={"require": REQUIRED_CLAIMS},
        )
        claims = _claims_of(payload)
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
        raise TokenInvalid from error
    if claims.type != expected:
        raise TokenInvalid(f"This call needs a token of the type {expected}.")
    return claims


def key_id(secret: str) -> str:
    """Return the public name of a signing key."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


def _secret_of(kid: Any) -> str:
    secrets: dict[str, str] = {key_id(secret): secret for secret in settings.JWT_SIGNING_KEYS}
    return secrets[kid]


def _claims_of(payload: dict[str, Any]) -> Claims:
    return Claims(
        type=cast("TokenType", payload["typ"]),
        user_id=uuid.UUID(payload["sub"]),
        session_id=uuid.UUID(payload["sid"]),
        organization_id=uuid.UUID(payload["org"]) if payload.get("org") else None,
        generation=int(payload["gen"]),
        jti=uuid.UUID(payload["jti"]),
        issued_at=dt.datetime.fromtimestamp(payload["iat"], tz=dt.UTC),
        expires_at=dt.datetime.fromtimestamp(payload["exp"], tz=dt.UTC),
    )
