"""What stories about imports share: small files, the calls that send them, what may be left behind."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from apps.datasets.models import Segment
from apps.datasets.states import SegmentState
from tests.furniture.people import Person

DATA = settings.BASE_DIR.parent / "shared" / "data"
LONDON = DATA / "uk-city-of-london-2023.zip"
QUAKES = DATA / "usgs-significant-earthquakes-1965-2016.csv"
HEADER = "id,occurred_at,latitude,longitude,category\n"
ROWS = [
    "a1,2024-01-01T10:00:00Z,51.5,-0.1,theft",
    "a2,2024-01-02T11:30:00Z,51.51,-0.11,noise",
    "a3,2024-01-03T12:00:00Z,51.52,-0.12,theft",
    "a4,2024-01-04T13:00:00Z,51.53,-0.13,fire",
]
BAD = "a5,2024-01-05T13:00:00Z,95,-0.13,fire"


def csv(*rows: str) -> bytes:
    return (HEADER + "".join(f"{row}\n" for row in rows)).encode()


def upload(content: bytes, name: str = "events.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def create(person: Person, *files: SimpleUploadedFile, **meta: Any) -> Any:
    body = {"meta": json.dumps(meta), "file": list(files)}
    return person.api.post("/api/v1/datasets", body, format="multipart")


def add(person: Person, dataset_id: str, *files: SimpleUploadedFile, **meta: Any) -> Any:
    body = {"meta": json.dumps(meta), "file": list(files)}
    return person.api.post(f"/api/v1/datasets/{dataset_id}/imports", body, format="multipart")


def made(
    person: Person, run_jobs: Callable[[], int], *files: SimpleUploadedFile, **meta: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Create a dataset from files, let the job run, and return the dataset's and the import's answer."""
    response = create(person, *files, **meta)
    assert response.status_code == 202, response.content
    run_jobs()
    body = response.json()
    dataset = person.api.get(f"/api/v1/datasets/{body['dataset']['id']}").json()
    return dataset, person.api.get(f"/api/v1/imports/{body['import']['id']}").json()


def counts(row: dict[str, Any]) -> tuple[int, int, int, int]:
    return row["rows_read"], row["accepted"], row["rejected"], row["duplicates"]


def left_behind() -> list[str]:
    """Return stage tables, living segments and parts that there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^datasets_stage_[0-9]'"
        )
        tables = [name for (name,) in cursor.fetchall()]
    segments = [str(s) for s in Segment.objects.exclude(state=SegmentState.DROPPED)]
    parts = default_storage.listdir("datasets")[0] if default_storage.exists("datasets") else []
    return tables + segments + parts


def zip_of(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def streamed(response: Any) -> list[bytes]:
    """Return the chunks of a download."""
    return list(response.streaming_content)
