"""Cells anew: wrong ones are put right in a new segment and version; where all agree nothing happens."""

import json
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import connection

from apps.datasets.models import Dataset, Event, Segment
from apps.datasets.storage.dropping import drop_segment
from apps.datasets.storage.events import SegmentKey
from apps.datasets.storage.stage import create_stage, reindex_table
from tests.datasets.stories import ROWS, add, csv, made, upload
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("own_table_min_rows", [1, 1_000])
def test_wrong_cells_are_put_right_in_a_new_version(
    actors: Actors,
    run_jobs: Callable[[], int],
    capsys: pytest.CaptureFixture[str],
    settings: object,
    own_table_min_rows: int,
) -> None:
    settings.DATASETS_OWN_TABLE_MIN_ROWS = own_table_min_rows  # type: ignore[attr-defined]
    made(actors.manager, run_jobs, upload(csv(*ROWS)), name="Events")
    dataset = Dataset.objects.get()
    add(actors.manager, str(dataset.pk), upload(csv("z1,2024-05-01T00:00:00Z,50,1,fire")), mode="append")
    run_jobs()
    right = dict(Event.objects.values_list("lat_e7", "cell"))

    def reindex() -> dict[str, object]:
        call_command("reindex_h3", "--dataset", "events", "--json")
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    assert reindex() == {"dataset": "Events", "status": "succeeded", "version": None, "error": ""}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE datasets_event SET cell = cell + 1 WHERE lat_e7 IN (515000000, 515200000)")
    with pytest.raises(SystemExit):
        call_command("verify_dataset", "--dataset", "events")
    capsys.readouterr()

    assert reindex()["version"] == 3
    dataset.refresh_from_db()
    before, after = (
        set(v.segments.values_list("no", flat=True)) for v in dataset.versions.filter(number__gt=1)
    )
    assert len(before & after) == 1, "the segment that was right is shared"
    (fresh,) = after - before
    cells = dict(Event.objects.filter(segment_no__in=after).values_list("lat_e7", "cell"))
    assert cells == right
    path = f"/api/v1/datasets/{dataset.pk}/events"
    events = actors.viewer.api.get(path).json()["results"]
    assert sorted(event["external_id"] for event in events) == ["a1", "a2", "a3", "a4", "z1"]
    assert {event["provenance"]["file"] for event in events} == {"events.csv"}
    assert any(event["id"].startswith(f"{fresh}-") for event in events)


def test_what_a_killed_reindex_left_goes_with_its_segment() -> None:
    dataset = published_dataset([EventRow(51.5, -0.1)])
    staged = Segment.objects.create(dataset=dataset, slab=0)
    staged.refresh_from_db()
    create_stage(reindex_table(staged.no), SegmentKey(dataset.no, staged.no))

    drop_segment(staged, dataset.no)

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [reindex_table(staged.no)])
        assert cursor.fetchone() == (None,)
