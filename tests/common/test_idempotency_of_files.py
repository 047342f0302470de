"""An Idempotency-Key on a form with files: the files' digests are part of the request's identity."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient

from apps.accounts.models import Organization
from apps.common.requests import StrictMultiPartParser
from apps.common.viewsets import ApiRouter, ResourceViewSet
from tests.furniture.people import Actors


class FilesViewSet(ResourceViewSet[Organization]):
    """Takes files and names an organization after each."""

    queryset = Organization.objects.all()
    offers = ("create",)
    parser_classes = (StrictMultiPartParser,)
    upload_max_bytes = 1_000_000

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        files = request.FILES.getlist("file")
        for file in files:
            Organization.objects.create(name=str(file.name), slug=f"from-file-{Organization.objects.count()}")
        return Response({"bytes": sum(file.size or 0 for file in files)}, status=201)


router = ApiRouter()
router.register("files", FilesViewSet, basename="file")
urlpatterns = [path("api/v1/", include(router.urls)), path("", include(settings.ROOT_URLCONF))]


@pytest.fixture(autouse=True)
def routed() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


def post(api: APIClient, content: bytes, *, name: str = "a.csv", note: str = "n") -> Any:
    body = {"file": SimpleUploadedFile(name, content), "note": note}
    return api.post("/api/v1/files", body, format="multipart", headers={"Idempotency-Key": "k"})


def test_the_same_form_is_replayed_whatever_its_boundary(actors: Actors) -> None:
    api = actors.analyst.api
    first, second = post(api, b"x,y\n1,2\n"), post(api, b"x,y\n1,2\n")
    other_boundary = api.post(
        "/api/v1/files",
        b'--zz\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nx,y\n1,2\n\r\n'
        b'--zz\r\nContent-Disposition: form-data; name="note"\r\n\r\nn\r\n--zz--\r\n',
        content_type="multipart/form-data; boundary=zz",
        headers={"Idempotency-Key": "k"},
    )

    assert first.status_code == 201, first.content
    for answer in (second, other_boundary):
        assert answer["Idempotency-Replayed"] == "true"
        assert answer.content == first.content
    assert Organization.objects.filter(name="a.csv").count() == 1


@pytest.mark.parametrize("change", [{"content": b"x,y\n1,3\n"}, {"name": "b.csv"}, {"note": "other"}])
def test_another_file_name_or_field_is_a_mismatch(actors: Actors, change: dict[str, Any]) -> None:
    api = actors.analyst.api
    assert post(api, b"x,y\n1,2\n").status_code == 201

    answer = post(api, **({"content": b"x,y\n1,2\n"} | change))
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.mismatch")


@pytest.mark.parametrize(("fields", "status"), [(200, 201), (201, 413)])
def test_a_form_has_at_most_200_fields(actors: Actors, fields: int, status: int) -> None:
    body = {f"note{number}": "n" for number in range(fields)} | {"file": SimpleUploadedFile("a.csv", b"x")}
    assert actors.analyst.api.post("/api/v1/files", body, format="multipart").status_code == status


def test_a_broken_form_is_malformed(actors: Actors) -> None:
    body = b'--zz\r\nContent-Disposition: form-data; name="note"\r\n\r\na\0b\r\n--zz--\r\n'
    answer = actors.analyst.api.post("/api/v1/files", body, content_type="multipart/form-data; boundary=zz")
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")
    answer = actors.analyst.api.post("/api/v1/files", body, content_type="multipart/form-data")
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")
