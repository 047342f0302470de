"""Resumable uploads by tus 1.0.0 (places.md section 4), readable as JSON too."""

from collections.abc import Sequence
from typing import Any, BinaryIO, Final, cast

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.problems import MEDIA_TYPE as PROBLEM_TYPE
from apps.common.problems import UnsupportedMediaType
from apps.common.serializers import OutSerializer
from apps.common.viewsets import ResourceViewSet
from apps.datasets import upload_services
from apps.datasets.api import tus
from apps.datasets.models import Upload
from apps.datasets.states import UploadState
from apps.datasets.upload_services import Piece
from apps.datasets.upload_streams import IS_COUNTED, WRITER

OFFSETS: Final = {"type": "integer", "minimum": 0, "maximum": settings.DATASETS_UPLOAD_MAX_BYTES}
LENGTHS: Final = {"type": "integer", "minimum": 1, "maximum": settings.DATASETS_UPLOAD_MAX_BYTES}


def _header(name: str, description: str, schema: Any = str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=description, required=required)


RESUMABLE: Final = _header(
    "Tus-Resumable", "`1.0.0`.", {"type": "string", "enum": [tus.VERSION]}, required=True
)
LENGTH: Final = _header("Upload-Length", "Bytes of the file.", LENGTHS, required=True)
OFFSET: Final = _header("Upload-Offset", "Where these bytes begin.", OFFSETS, required=True)
METADATA: Final = _header(
    "Upload-Metadata", "`filename`, `filetype`, `sha256`, each with its value in base64."
)
CHECKSUM: Final = _header("Upload-Checksum", "Digest of the body: `sha1`, `sha256` or `md5`, then base64.")
BYTES: Final = {tus.MEDIA_TYPE: {"type": "string", "format": "binary"}}
TEXTS: Final = {
    410: "The upload has expired.",
    412: "Another version of tus.",
    423: "Somebody else is sending bytes of it.",
    460: "The checksum differs; the bytes are dropped.",
}
REFUSALS: Final = {
    (status, PROBLEM_TYPE): OpenApiResponse({"$ref": "#/components/schemas/Problem"}, text)
    for status, text in TEXTS.items()
}
OF_A_READ: Final = {key: refusal for key, refusal in REFUSALS.items() if key[0] in {410, 412}}
NOTHING: Final = OpenApiResponse(description="Done.")


class UploadOut(OutSerializer):
    """A file that arrives in pieces: `offset` of its `length` bytes are here."""

    class Meta:
        model = Upload
        fields = [
            "id", "name", "media_type", "length", "offset", "sha256", "state", "expires_at", "created_at",
        ]  # fmt: skip


class BytesParser(BaseParser):
    """The bytes of a piece: read by the service, never as a whole."""

    media_type = tus.MEDIA_TYPE


class UploadViewSet(ResourceViewSet[Upload]):
    """The caller's own uploads."""

    queryset = Upload.objects.all()
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    permission = "datasets.create"
    serializer_class = UploadOut
    sort_fields = {"created_at": "created_at"}
    parser_classes: Sequence[type[BaseParser]] = (BytesParser,)
    # A piece may be sent twice by what the protocol says itself: only where it belongs it is taken.
    remembers_answers = False
    upload_max_bytes = settings.DATASETS_UPLOAD_MAX_BYTES
    http_method_names = [*ResourceViewSet.http_method_names, "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let OPTIONS in, by which tus asks what is offered."""
        if request.method == "OPTIONS":
            self.action = "describe"
        super().initial(request, *args, **kwargs)

    def limit_of(self, request: Request) -> str:
        """Count a body that was cut into pieces once."""
        return "" if _scope(request).get(IS_COUNTED) else super().limit_of(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say with every answer which tus is spoken."""
        response.setdefault("Tus-Resumable", tus.VERSION)
        if response.status_code == 412:  # noqa: PLR2004
            response["Tus-Version"] = tus.VERSION
        return super().finalize_response(request, response, *args, **kwargs)

    @extend_schema(exclude=True)
    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Say what of tus is offered."""
        headers = {
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(settings.DATASETS_UPLOAD_MAX_BYTES),
            "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
        }
        return Response(status=204, headers=headers)

    @extend_schema(responses={200: UploadOut, **OF_A_READ})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return an upload; by HEAD, tus learns where to go on."""
        row = self.get_object()
        # To look needs no version, as a program may read it like any other resource; a wrong one is told.
        if "Tus-Resumable" in request.headers:
            tus.check_version(request.headers)
        upload_services.check_living(row)
        headers = {**_state_of(row), "Upload-Length": str(row.length), "Cache-Control": "no-store"}
        metadata = tus.write_metadata(tus.Metadata(row.name, row.media_type, row.sha256))
        return Response(
            self.answer(row), headers=headers | ({"Upload-Metadata": metadata} if metadata else {})
        )

    @extend_schema(
        parameters=[RESUMABLE, LENGTH, METADATA, CHECKSUM],
        request=BYTES,
        responses={201: OpenApiResponse(description="Begun."), **REFUSALS},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Begin an upload, with its first bytes if some are sent along."""
        tus.check_version(request.headers)
        metadata = tus.read_metadata(request.headers)
        carries_bytes = _is_piece(request)
        row = upload_services.begin_upload(
            actor=self.actor,
            length=tus.read_length(request.headers),
            name=tus.clean_name(metadata.filename),
            media_type=metadata.filetype,
            sha256=metadata.sha256,
        )
        if carries_bytes:
            row = self._receive_first(request, row)
        return Response(status=201, headers={**_state_of(row), **self.location_of(row)})

    @extend_schema(
        parameters=[RESUMABLE, OFFSET, CHECKSUM], request=BYTES, responses={204: NOTHING, **REFUSALS}
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take the next bytes; they are durable when the answer comes."""
        with transaction.atomic():
            row = self._guarded_object()
        tus.check_version(request.headers)
        if not _is_piece(request):
            raise UnsupportedMediaType(f"The bytes of an upload are {tus.MEDIA_TYPE}.")
        row = self._receive(request, row, tus.read_offset(request.headers))
        return Response(status=204, headers=_state_of(row))

    @extend_schema(parameters=[RESUMABLE], responses={204: NOTHING, **OF_A_READ})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give an upload up."""
        with transaction.atomic():
            row = self._guarded_object()
        tus.check_version(request.headers)
        upload_services.delete_upload(actor=self.actor, upload=row)
        return Response(status=204)

    def _receive_first(self, request: Request, row: Upload) -> Upload:
        """Take the bytes that came with the beginning; what cannot be taken leaves no upload behind."""
        try:
            return self._receive(request, row, 0)
        except Exception:  # passed on: the sender does not know the address yet, so nobody could go on
            upload_services.delete_upload(actor=self.actor, upload=row)
            raise

    def _receive(self, request: Request, row: Upload, offset: int) -> Upload:
        piece = Piece(
            offset=offset,
            content=cast("BinaryIO", _plain(request)),
            checksum=tus.read_checksum(request.headers),
            writer=_scope(request).get(WRITER, ""),
        )
        return upload_services.receive_piece(actor=self.actor, upload=row, piece=piece)


def _is_piece(request: Request) -> bool:
    return (request.content_type or "").partition(";")[0].strip().lower() == tus.MEDIA_TYPE


def _plain(request: Request) -> HttpRequest:
    return request._request  # noqa: SLF001 - DRF's own name for Django's request, which reads like a file


def _scope(request: Request) -> dict[str, Any]:
    """Return the ASGI scope of a request; a test's own requests have none."""
    return getattr(_plain(request), "scope", {})


def _state_of(row: Upload) -> dict[str, str]:
    """Return how far an upload is, as headers."""
    headers = {"Upload-Offset": str(row.offset), "Upload-Expires": tus.write_expires(row.expires_at)}
    return headers if row.state == UploadState.OPEN else {"Upload-Offset": headers["Upload-Offset"]}
