"""Columns from the database as arrays: whole and in step, however many parts they come in."""

import numpy as np
import pytest
from psycopg import sql

from apps.datasets.queries.columns import ROWS_PER_PART, read_columns

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("rows", [0, 1, ROWS_PER_PART, ROWS_PER_PART + 1, 3 * ROWS_PER_PART + 7])
def test_columns_stay_in_step_over_parts(rows: int) -> None:
    source = sql.SQL("FROM generate_series(1, {}) AS n").format(rows)

    found = read_columns({"n": (">i8", sql.SQL("n")), "half": (">f8", sql.SQL("n / 2.0"))}, source)

    assert sorted(found["n"].tolist()) == list(range(1, rows + 1))
    assert np.array_equal(found["half"] * 2, found["n"])
    assert [str(column.dtype) for column in found.values()] == ["int64", "float64"]


@pytest.mark.parametrize("rows", [0, 1, 100])
def test_short_columns_of_small_numbers_come_at_once(rows: int) -> None:
    source = sql.SQL("FROM generate_series(1, {}) AS n").format(rows)
    columns = {
        "n": (">i2", sql.SQL("n")),
        "less": (">i4", sql.SQL("-n")),
        "half": (">f8", sql.SQL("n / 2.0")),
    }

    found = read_columns(columns, source, is_short=True)

    assert found["n"].tolist() == list(range(1, rows + 1))
    assert np.array_equal(found["less"], -found["n"])
    assert [str(column.dtype) for column in found.values()] == ["int16", "int32", "float64"]
