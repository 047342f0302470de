"""Edge case 24: on a full disk writes are 503, reads go on, and nothing is left half written."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from apps.common.request_limits import RequestLimits
from apps.datasets.models import Dataset
from tests.furniture.people import Actors

DATASETS = "/api/v1/datasets"


class FullStorage(FileSystemStorage):
    """A storage whose files are the device that is always full."""

    def path(self, name: str) -> str:
        raise NotImplementedError  # Django's word for a storage without local files

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        return File(Path("/dev/full").open(mode, buffering=0))

    def delete(self, name: str) -> None:
        """Find nothing to delete."""


@pytest.fixture
def full(settings: Any) -> Iterator[None]:
    with override_settings(
        STORAGES={**settings.STORAGES, "default": {"BACKEND": f"{__name__}.{FullStorage.__qualname__}"}}
    ):
        yield


@pytest.mark.usefixtures("full")
def test_on_a_full_disk_writes_are_503_and_reads_go_on(actors: Actors) -> None:
    api = actors.analyst.api
    answer = api.post(DATASETS, {"file": SimpleUploadedFile("a.csv", b"a,b\n1,2\n")}, format="multipart")

    assert (answer.status_code, answer.json()["code"]) == (503, "service.unavailable")
    assert answer["Retry-After"] == "5"
    assert b"/dev/full" not in answer.content
    assert api.get(DATASETS).json()["results"] == []
    assert not Dataset.objects.exists()


async def test_a_body_that_finds_no_room_is_503() -> None:
    sent: list[Any] = []

    async def spooling(scope: Any, receive: Any, send: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "path": "/api/v1/me", "query_string": b"", "headers": []}
    await RequestLimits(spooling)(scope, receive, send)

    assert sent[0]["status"] == 503
    assert dict(sent[0]["headers"])[b"retry-after"] == b"5"
    assert json.loads(sent[1]["body"])["code"] == "service.unavailable"
