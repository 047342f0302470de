"""A bundle as a form: streamed into the preview store under a random name, measured on the way."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from apps.common.errors import FieldError, Invalid
from apps.common.uploads import StorageUploadHandler, UploadTooLarge
from apps.previews.api.serializers import BundleFields
from apps.previews.errors import BundleTooLarge
from apps.previews.services import ReceivedBundle
from apps.previews.storing import FOLDER

FILE: Final = "bundle_file"


class BundleUploadHandler(StorageUploadHandler):
    """Writes a bundle into the preview store."""

    folder = FOLDER

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Refuse what is announced as too large."""
        try:
            super().handle_raw_input(*args, **kwargs)
        except UploadTooLarge as error:
            raise _too_large() from error

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write the next bytes; raises BundleTooLarge as soon as they are too many."""
        try:
            super().receive_data_chunk(raw_data, start)
        except UploadTooLarge as error:
            raise _too_large() from error


def _too_large() -> BundleTooLarge:
    return BundleTooLarge(f"A bundle may have {settings.PREVIEWS_DIRECT_MAX_BYTES} bytes.")


def stream_bundles(request: HttpRequest) -> None:
    """Let the files of a request, of which nothing was read yet, go into the preview store."""
    request.upload_handlers = [BundleUploadHandler(request)]


def carries_file(request: Request) -> bool:
    """Tell whether the body is a form, the one kind that brings files."""
    return (request.content_type or "").startswith("multipart/")


def read_bundle(request: Request) -> ReceivedBundle:
    """Read the form of an upload; raises Malformed, Invalid, ValidationError, BundleTooLarge."""
    data: Any = request.data
    fields = {name: value for name, value in data.items() if name not in request.FILES}
    _check_parts(request)
    serializer = BundleFields(data=fields)
    serializer.is_valid(raise_exception=True)
    values = serializer.validated_data
    stored = request.FILES[FILE].stored
    return ReceivedBundle(file=stored, sha256=values["sha256"], size_bytes=values.get("size_bytes"))


def _check_parts(request: Request) -> None:
    """Require exactly one file, under its name."""
    unknown = [name for name in request.FILES if name != FILE]
    if unknown:
        detail = f"There is no such part; send `{FILE}` and `sha256`."
        raise Invalid(errors=[FieldError(detail, code="unknown_field", pointer=f"/{unknown[0]}")])
    if len(request.FILES.getlist(FILE)) != 1:
        raise Invalid(errors=[FieldError("Send one bundle.", code="required", pointer=f"/{FILE}")])
