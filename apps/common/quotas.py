"""How much of what: the table of rate limits by scope and column, and how RATE_LIMITS changes it. Pure.

A scope is a kind of work. Its columns say for whom a quota counts: the roles, `key` and `anonymous` for what
an actor does, else a kind of subject (`ip`, `address`, `session`, `project`). A column that is missing means
that nobody of that column ever gets so far.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MINUTE_S: Final = 60
HOUR_S: Final = 3_600
UNITS_S: Final = {"s": 1, "m": MINUTE_S, "h": HOUR_S, "d": 86_400}
# `240` or `240/m`, `5/h`, `1/300s`.
FORMAT: Final = re.compile(r"([1-9][0-9]{0,9})(?:/([1-9][0-9]{0,5})?([smhd]))?")


@dataclass(frozen=True, slots=True)
class Quota:
    """So many in a window, all at once if need be; it fills up evenly."""

    amount: int
    window_s: int = MINUTE_S


ACTORS: Final = ("viewer", "analyst", "manager", "admin", "key", "anonymous")

Quotas = tuple[Quota, ...]
Table = Mapping[str, Mapping[str, Quotas]]


def _by_role(*amounts: int) -> dict[str, Quotas]:
    """Return the columns of a scope per minute, in the order of ACTORS; 0 leaves one out."""
    return {column: (Quota(amount),) for column, amount in zip(ACTORS, amounts, strict=False) if amount}


_AI: Final = (Quota(10), Quota(100, HOUR_S))

DEFAULTS: Final[Table] = {
    "api": _by_role(120, 240, 360, 480, 1_000, 60),
    "map": _by_role(600, 900, 1_200, 1_200, 1_200),
    "export": _by_role(10, 20, 20, 20, 20),
    "ingest": _by_role(0, 5, 10, 10, 10),
    "points": _by_role(0, 300, 300, 300, 1_000),
    "train": _by_role(0, 5, 5, 5, 5),
    "evaluate": _by_role(0, 5, 5, 5, 5),
    "refactor": _by_role(0, 5, 5, 5, 5),
    "ai": dict.fromkeys(("analyst", "manager", "admin", "key"), _AI),
    "search": _by_role(30, 30, 30, 30, 30),
    "mcp": _by_role(60, 120, 120, 120, 120),
    "webhook_test": _by_role(0, 10, 10, 10, 10),
    "auth_login": {"ip_and_address": (Quota(10),), "ip": (Quota(60),)},
    "auth_refresh": {"session": (Quota(60),), "ip": (Quota(240),)},
    "auth_mail": {"address": (Quota(5, HOUR_S),), "ip": (Quota(20, HOUR_S),)},
    "auth_failed": {"ip": (Quota(30),)},
    "sync": {"project": (Quota(1, 300),), "managed_project": (Quota(1, 30),)},
    "repository_link": {"project": (Quota(10, HOUR_S),)},
    "preview_create": {"project": (Quota(20, HOUR_S),)},
    "preview_resolve": {"ip": (Quota(30),), "failures": (Quota(300),)},
    "preview_failed": {"ip": (Quota(10, 900),)},
    "preview_upload": {"project": (Quota(10, HOUR_S),)},
}
# What keeps guessers out; it goes on counting in the process while Valkey is away.
GUARDED: Final = frozenset(
    {*(scope for scope in DEFAULTS if scope.startswith("auth_")), "preview_resolve", "preview_failed"}
)
# Where a key's own number of requests a minute replaces the table's; elsewhere it only lowers it.
OWN_RATE_SCOPES: Final = frozenset({"api", "points"})


def merged(changes: Mapping[str, Any]) -> Table:
    """Return the table with an operator's changes; raises ValueError naming what does not fit.

    `{"api": {"analyst": 480, "key": "5000/m"}, "ai": ["20", "200/h"], "export": 50}`: a scope's quota for all
    of its columns, or by column; a list where several windows count.
    """
    table = {scope: dict(columns) for scope, columns in DEFAULTS.items()}
    for scope, wanted in changes.items():
        if scope not in table:
            raise ValueError(f"there is no scope {scope!r}")
        by_column = wanted if isinstance(wanted, Mapping) else dict.fromkeys(table[scope], wanted)
        for column, quotas in by_column.items():
            if column not in table[scope]:
                raise ValueError(f"the scope {scope!r} has no column {column!r}")
            table[scope][column] = parse_quotas(quotas)
    return table


def parse_quotas(value: Any) -> Quotas:
    """Return the quotas of a number, a text like `100/h`, or a list of these; raises ValueError."""
    texts = value if isinstance(value, list) and value else [value]
    return tuple(_parse_quota(text) for text in texts)


def _parse_quota(value: Any) -> Quota:
    found = FORMAT.fullmatch(str(value))
    if found is None:
        raise ValueError(f'{value!r} is no quota; write 240, "100/h" or "1/300s"')
    return Quota(int(found[1]), int(found[2] or 1) * UNITS_S[found[3] or "m"])
