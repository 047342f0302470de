"""An import whose process is killed anywhere ends, run again, exactly as if nothing had happened."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from apps.common import jobs
from apps.datasets.importing.faults import VARIABLE
from apps.datasets.models import Event, Import, Reject, Segment, Version
from apps.datasets.reading.sample_city import sample_city
from apps.datasets.states import SegmentState
from apps.datasets.storage.parts import read_parts
from apps.datasets.storage.stage import stage_import_nos
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)

PARTS = 6
ROWS = 6_000
CHUNK_ROWS = 1_000
# The worker of this story: a process of its own that runs one job and nothing else.
WORKER = """
import sys, django
django.setup()
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from apps.common import jobs
jobs.execute("datasets.import", sys.argv[2])
"""
# Where it dies, and from how many rows on a segment has a table of its own (0: never).
POINTS = [
    ("after_fetch", 0),
    ("after_part", 1_000),
    ("before_commit", 0),
    ("after_chunk_2", 1_000),
    ("before_attach", 0),
    ("before_attach", 1_000),
    ("after_attach", 1_000),
    ("in_publish", 0),
    ("after_publish", 0),
]


@pytest.fixture(scope="module")
def archive() -> bytes:
    """The sample city, cut into six files."""
    text = io.StringIO(newline="")
    sample_city(text, rows=ROWS, months=3)
    header, *rows = text.getvalue().splitlines(keepends=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for number in range(PARTS):
            target.writestr(f"part-{number}.csv", header + "".join(rows[number::PARTS]))
    return buffer.getvalue()


def start(person: Any, archive: bytes, name: str, policy: str) -> Import:
    meta = json.dumps({"name": name, "duplicates": policy})
    body = {"meta": meta, "file": SimpleUploadedFile("city.zip", archive)}
    response = person.api.post("/api/v1/datasets", body, format="multipart")
    return Import.objects.get(pk=response.json()["import"]["id"])


def die(row: Import, point: str, own_table_min_rows: int) -> None:
    """Run the import in a process of its own, which dies at the point."""
    environ = os.environ | {
        VARIABLE: point,
        "DATASETS_CHUNK_ROWS": str(CHUNK_ROWS),
        "DATASETS_OWN_TABLE_MIN_ROWS": str(own_table_min_rows),
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "DJANGO_SETTINGS_MODULE": "tests.datasets.worker_settings",
    }
    arguments = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), str(row.pk)]
    done = subprocess.run(arguments, env=environ, cwd=settings.BASE_DIR, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL


def end_state(row: Import) -> dict[str, Any]:
    """Return everything an import leaves, but for the numbers that are drawn anew."""
    row.refresh_from_db()
    version = Version.objects.get(dataset=row.dataset)
    (segment,) = Segment.objects.filter(dataset=row.dataset, state=SegmentState.LIVE)
    events = Event.objects.filter(slab=segment.slab, dataset_no=row.dataset.no, segment_no=segment.no)
    columns = ("event_no", "cell", "occurred_at", "external_hash", "value", "lat_e7", "lon_e7", "category_no")
    rejects = Reject.objects.filter(dataset_no=row.dataset.no, import_no=row.no).order_by("seq")
    names = ("seq", "kind", "file_no", "record", "line", "code", "raw", "kept_line")
    return {
        "counts": [row.rows_read, row.accepted, row.rejected, row.duplicates, row.blank_lines],
        "files": list(row.files.order_by("file_no").values_list("rows_read", "accepted", "duplicates")),
        "reject_counts": row.reject_counts,
        "events": sorted(events.values_list(*columns)),
        "rejects": [(*values[:6], bytes(values[6]), values[7]) for values in rejects.values_list(*names)],
        "parts": [line for part in read_parts(segment.files_prefix) for line in part.to_pylist()],
        "version": [version.number, version.event_count, version.occupied, version.extent],
        "quality": version.quality,
        "segment": [segment.rows, segment.precision_counts, segment.category_counts],
    }


@pytest.mark.parametrize(("point", "own_table_min_rows"), POINTS)
def test_a_killed_import_ends_as_an_undisturbed_one(
    actors: Actors, archive: bytes, settings: Any, point: str, own_table_min_rows: int
) -> None:
    settings.DATASETS_CHUNK_ROWS = CHUNK_ROWS
    settings.DATASETS_OWN_TABLE_MIN_ROWS = own_table_min_rows
    policy = "external_id_last" if own_table_min_rows else "external_id_first"
    calm = start(actors.manager, archive, "Calm", policy)
    jobs.execute("datasets.import", calm.pk)
    expected = end_state(calm)
    assert expected["counts"] == [ROWS, ROWS - 30 - 6, 30, 6, 0]

    row = start(actors.manager, archive, "Killed", policy)
    die(row, point, own_table_min_rows)
    row.refresh_from_db()
    assert row.status == ("succeeded" if point == "after_publish" else "running")
    if row.status == "running":
        # The lease of the dead: the clock looks after a minute.
        Import.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert jobs.reap_jobs() == 1
        jobs.execute("datasets.import", row.pk)

    assert end_state(row) == expected
    assert stage_import_nos() == []
    prefixes = default_storage.listdir(f"datasets/{row.dataset.organization_id}/{row.dataset.no}")[0]
    assert len(prefixes) == 1
    call_command("verify_dataset", "--all")
