"""Where InfluxDB's clients put their key."""

from collections.abc import Mapping
from typing import Final

from apps.metrics.doors.credentials import key_of_authorization

SCHEMES: Final = {"token": False, "bearer": False, "basic": True}


def credential_of(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """Return the key of a request: Token, Bearer, the password of Basic, else the parameter `p`.

    Header names are in lower case. None if there is no key.
    """
    header = headers.get("authorization", "")
    if header:
        return key_of_authorization(header, SCHEMES)
    return query.get("p") or None
