"""Keys in the headers of foreign protocols."""

import base64
import binascii
from collections.abc import Mapping


def key_of_authorization(header: str, schemes: Mapping[str, bool]) -> str | None:
    """Return the key that an Authorization header carries, None if it carries none.

    `schemes` are the accepted ones in lower case; True means that the key is the password of user:password in
    Base64, as Basic has it.
    """
    scheme, _space, text = header.strip().partition(" ")
    is_basic = schemes.get(scheme.lower())
    text = text.strip()
    if is_basic is None or not text:
        return None
    return _password_of(text) if is_basic else text


def _password_of(text: str) -> str | None:
    try:
        _user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password if colon and password else None
