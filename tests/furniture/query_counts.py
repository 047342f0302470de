"""Lists run the same number of queries with 1 and with 20 rows; the numbers are kept in query_counts.json.

A changed number is an edit of that file, seen in review. `UPDATE_QUERY_COUNTS=1` writes it.
"""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

FILE = Path(__file__).resolve().parents[1] / "query_counts.json"

Check = Callable[[str, Callable[[], Any], Callable[[], Any]], None]


def _count(call: Callable[[], Any]) -> tuple[int, str]:
    with CaptureQueriesContext(connection) as queries:
        response = call()
    assert response.status_code == 200, response.content
    return len(queries), "\n".join(query["sql"][:300] for query in queries)


@pytest.fixture
def same_queries(db: None) -> Check:
    """Give `check(name, make_row, call)`: 1 row and 20 rows take the recorded number of queries.

    `make_row()` adds one row to the list, `call()` returns the response of the list endpoint.
    """

    def check(name: str, make_row: Callable[[], Any], call: Callable[[], Any]) -> None:
        make_row()
        call()  # the first call may fill caches of the process
        with_1, _ = _count(call)
        for _index in range(19):
            make_row()
        with_20, statements = _count(call)
        assert with_20 == with_1, f"{name}: {with_1} queries with 1 row, {with_20} with 20:\n{statements}"
        _compare_with_record(name, with_20, statements)

    return check


def _compare_with_record(name: str, queries: int, statements: str) -> None:
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        _record(name, queries)
    recorded: dict[str, int] = json.loads(FILE.read_text())
    assert recorded.get(name) == queries, (
        f"{name} runs {queries} queries, tests/query_counts.json says {recorded.get(name)}:\n{statements}"
    )


def _record(name: str, queries: int) -> None:
    with FILE.open("r+") as file:
        # Another test process may record as well.
        fcntl.flock(file, fcntl.LOCK_EX)
        recorded: dict[str, int] = {**json.load(file), name: queries}
        file.seek(0)
        file.truncate()
        file.write(json.dumps(recorded, indent=2, sort_keys=True) + "\n")
