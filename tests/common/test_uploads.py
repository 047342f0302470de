"""Uploaded files are streamed, measured, capped, and gone unless somebody keeps them."""

import hashlib
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from apps.common import uploads
from apps.common.errors import Conflict
from apps.common.file_types import FileType
from apps.common.uploads import StoredFile, attachment, keep, takes_uploads

CAP = 1_000
seen: list[StoredFile] = []


def received(request: HttpRequest) -> list[StoredFile]:
    seen[:] = [upload.stored for upload in request.FILES.getlist("file")]  # type: ignore[attr-defined]
    return seen


@csrf_exempt
@takes_uploads(CAP)
def store(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        keep(received(request))
    return JsonResponse({"files": [file.name for file in seen]}, status=int(request.GET.get("status", "201")))


@csrf_exempt
@takes_uploads(CAP)
def forget(request: HttpRequest) -> HttpResponse:
    received(request)
    return HttpResponse("seen")


@csrf_exempt
@takes_uploads(CAP)
def roll_back(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        keep(received(request))
        raise Conflict


@csrf_exempt
def take_nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{len(request.FILES)}")


@takes_uploads(CAP)
def with_form_token(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{len(request.FILES)}")


def download(request: HttpRequest) -> HttpResponse:
    return attachment(seen[0].storage_name, filename='a "quoted" név.html')  # type: ignore[return-value]


urlpatterns = [
    path("store", store),
    path("forget", forget),
    path("roll-back", roll_back),
    path("nothing", take_nothing),
    path("form", with_form_token),
    path("download", download),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def stored(media: Path) -> list[Path]:
    return sorted(file for file in media.rglob("*") if file.is_file())


def test_a_kept_file_lies_under_a_random_name_with_size_and_digest(client: Client, media: Path) -> None:
    content = b"a,b\n1,2\n"
    response = client.post("/store", {"file": SimpleUploadedFile("../../etc/my data.csv", content)})
    assert response.status_code == 201
    (file,) = seen
    assert file == StoredFile(
        name="my data.csv",
        storage_name=file.storage_name,
        size=8,
        sha256=hashlib.sha256(content).hexdigest(),
        file_type=FileType.TEXT,
    )
    assert stored(media) == [media / file.storage_name]
    assert (media / file.storage_name).read_bytes() == content
    assert "data" not in file.storage_name
    assert (media / file.storage_name).stat().st_mode & 0o077 == 0


def test_the_type_is_what_the_bytes_say(client: Client) -> None:
    client.post("/forget", {"file": SimpleUploadedFile("rows.csv", b"\x89PNG\r\n\x1a\n", "text/csv")})
    assert seen[0].file_type is FileType.IMAGE


def test_an_empty_file_is_a_file(client: Client) -> None:
    client.post("/forget", {"file": SimpleUploadedFile("empty.csv", b"")})
    assert (seen[0].size, seen[0].file_type) == (0, FileType.EMPTY)


@pytest.mark.parametrize("address", ["/forget", "/roll-back"])
def test_what_nobody_keeps_is_deleted(client: Client, media: Path, address: str) -> None:
    client.post(address, {"file": [SimpleUploadedFile("a.csv", b"a"), SimpleUploadedFile("b.csv", b"b")]})
    assert len(seen) == 2
    assert stored(media) == []


def test_what_was_committed_stays_even_if_the_answer_fails(client: Client, media: Path) -> None:
    client.post("/store?status=500", {"file": SimpleUploadedFile("a.csv", b"a")})
    assert len(stored(media)) == 1


def test_files_over_the_cap_in_sum_are_refused_while_reading(client: Client, media: Path) -> None:
    halves = [SimpleUploadedFile("a.csv", b"a" * 600), SimpleUploadedFile("b.csv", b"b" * 401)]
    response = client.post("/store", {"file": halves})
    assert response.status_code in {400, 413}
    assert stored(media) == []


def test_files_that_reach_the_cap_exactly_are_taken(client: Client, media: Path) -> None:
    response = client.post("/store", {"file": SimpleUploadedFile("a.csv", b"a" * CAP)})
    assert response.status_code == 201
    assert len(stored(media)) == 1


def test_a_stated_length_over_the_cap_is_refused_unread(client: Client, media: Path) -> None:
    handler = uploads.StorageUploadHandler()
    with pytest.raises(uploads.UploadTooLarge) as caught:
        handler.handle_raw_input(None, {}, CAP + uploads.FRAMING_BYTES + 1)
    assert caught.value.code == "request.too_large"


def test_a_view_that_states_no_cap_takes_no_files(client: Client, media: Path) -> None:
    response = client.post("/nothing", {"file": SimpleUploadedFile("a.csv", b"a")})
    assert response.status_code in {400, 413}
    assert stored(media) == []


def test_a_form_without_its_token_leaves_nothing_behind(media: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/form", {"file": SimpleUploadedFile("a.csv", b"a")})
    assert response.status_code == 403
    assert stored(media) == []


def test_a_form_with_too_many_fields_leaves_nothing_behind(client: Client, media: Path) -> None:
    limit = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    fields = {f"field{number}": "x" for number in range(limit + 1)}
    response = client.post("/store", {"file": SimpleUploadedFile("a.csv", b"a"), **fields})
    assert response.status_code in {400, 413}
    assert stored(media) == []


def test_a_form_that_is_cut_off_leaves_nothing_behind(client: Client, media: Path) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!!"
    )
    client.generic("POST", "/store", body, "multipart/form-data; boundary=x")
    assert seen == []
    assert stored(media) == []


def test_a_stored_file_is_served_as_an_attachment_that_nothing_interprets(client: Client) -> None:
    client.post("/store", {"file": SimpleUploadedFile("a.html", b"<script>alert(1)</script>")})
    response = client.get("/download")
    assert b"".join(response.streaming_content) == b"<script>alert(1)</script>"  # type: ignore[attr-defined]
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert response["Content-Security-Policy"].startswith("sandbox")


def test_an_upload_can_be_read_where_it_is(client: Client, media: Path) -> None:
    folder = media / "uploads"
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(b"one\ntwo\n")
    upload = uploads.StoredUpload(StoredFile("x.txt", "uploads/x", 8, ""))
    assert (upload.name, upload.size, list(upload)) == ("x.txt", 8, [b"one\n", b"two\n"])
    upload.close()
