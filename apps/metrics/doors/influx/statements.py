"""The two statements that clients send before they write: CREATE and SHOW DATABASES."""

import re
from typing import Final

from apps.common.errors import Malformed
from apps.metrics.doors.influx.answers import Answer, query_results

DATABASE: Final = "sextant"

_CREATE: Final = re.compile(r"\s*create\s+database\s+\S.*", re.IGNORECASE | re.DOTALL)
_SHOW: Final = re.compile(r"\s*show\s+databases\s*;?\s*", re.IGNORECASE)


def answer_statement(statement: str) -> Answer:
    """Return the answer to the parameter `q` of `/query`; raises Malformed for every other statement."""
    if _CREATE.fullmatch(statement):
        return query_results(None, [])
    if _SHOW.fullmatch(statement):
        return query_results(["name"], [[DATABASE]])
    raise Malformed("Only CREATE DATABASE and SHOW DATABASES are answered here; query through our own API.")
