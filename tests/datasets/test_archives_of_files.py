"""Members of an archive are files of the import: chosen by kind or pattern, in name order, each counted."""

from collections.abc import Callable

import pytest

from tests.datasets.stories import ROWS, counts, csv, made, upload, zip_of
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)

MEMBERS = {
    "2024-02/b.csv": csv(ROWS[1]),
    "2024-01/a.csv": csv(ROWS[0]),
    "2024-01/other.csv": csv(ROWS[2]),
    "__MACOSX/2024-01/._a.csv": b"\x00\x05\x16\x07",
    "2024-01/.hidden.csv": b"nothing",
    "readme.md": b"hello",
}


def test_tables_are_read_in_name_order_and_by_products_left_out(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    _, row = made(actors.manager, run_jobs, upload(zip_of(**MEMBERS), "events.zip"), name="Events")

    files = actors.manager.api.get(f"/api/v1/imports/{row['id']}/files").json()
    names = [(file["file_no"], file["member"], file["accepted"]) for file in files]
    assert names == [(1, "2024-01/a.csv", 1), (2, "2024-01/other.csv", 1), (3, "2024-02/b.csv", 1)]
    assert counts(row) == (3, 3, 0, 0)


def test_a_pattern_chooses_members(actors: Actors, run_jobs: Callable[[], int]) -> None:
    file = upload(zip_of(**MEMBERS), "events.zip")

    _, row = made(actors.manager, run_jobs, file, name="Events", member_pattern="2024-01/a*")

    assert counts(row) == (1, 1, 0, 0)


def test_two_members_with_the_same_content_are_refused(actors: Actors, run_jobs: Callable[[], int]) -> None:
    twice = zip_of(**{"a.csv": csv(*ROWS), "b.csv": csv(*ROWS)})

    _, row = made(actors.manager, run_jobs, upload(twice, "events.zip"), name="Events")

    assert (row["status"], row["error"]["code"]) == ("failed", "datasets.file_repeated")
