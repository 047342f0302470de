"""Hostile archives and files that are no tables: a clear code, and nothing left behind."""

from collections.abc import Callable

import pytest

from apps.datasets.models import Event
from tests.datasets.stories import HEADER, ROWS, csv, left_behind, made, upload, zip_of
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)


PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
HOSTILE = {
    "broken": (zip_of(**{"a.csv": csv(*ROWS)})[:-30], "events.zip", "upload.archive_corrupt"),
    "bomb": (zip_of(**{"a.csv": bytes(5_000_000)}), "events.zip", "upload.archive_ratio"),
    "traversal": (zip_of(**{"../a.csv": csv(*ROWS)}), "events.zip", "upload.archive_unsafe_path"),
    "nested": (
        zip_of(**{"a.zip": zip_of(**{"a.csv": csv(*ROWS)})}),
        "events.zip",
        "datasets.archive_nested",
    ),
    "no member": (zip_of(**{"readme.md": b"hello"}), "events.zip", "datasets.archive_no_member"),
    "image": (PNG, "events.csv", "datasets.not_a_table"),
    "empty": (b"", "events.csv", "datasets.empty"),
    "header only": (HEADER.encode(), "events.csv", "datasets.empty"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_cannot_be_read_fails_with_a_code_and_leaves_nothing_behind(
    actors: Actors, run_jobs: Callable[[], int], kind: str
) -> None:
    content, name, code = HOSTILE[kind]

    dataset, row = made(actors.analyst, run_jobs, upload(content, name), name="Events")

    assert (row["status"], row["error"]["code"]) == ("failed", code)
    assert row["error"]["detail"]
    assert dataset["status"] == "failed"
    assert Event.objects.count() == 0
    assert left_behind() == []
