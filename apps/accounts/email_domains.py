"""Domains of mail addresses, in the one form in which they are kept and compared."""

import re
from collections.abc import Collection
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?=.{{4,253}}\Z)(?:{_LABEL}\.)+[a-z]{_LABEL}")


def normal_domain(text: str) -> str:
    """Return a domain in lower case and ASCII (IDNA); a leading `@` is dropped. Raises ValueError."""
    bare = text.strip().removeprefix("@").lower()
    domain = bare if bare.isascii() else bare.encode("idna").decode()
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("this is no domain")
    return domain


def is_in_domains(email: str, domains: Collection[str]) -> bool:
    """Tell whether an address lies in one of the normal domains, not below one; always if there are none."""
    if not domains:
        return True
    try:
        return normal_domain(email.rpartition("@")[2]) in domains
    except ValueError:
        return False
