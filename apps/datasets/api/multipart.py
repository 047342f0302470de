"""Bodies that carry files: `multipart/form-data` with a part `meta` (JSON) and parts `file`."""

from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request

from apps.common.errors import FieldError, Invalid
from apps.common.requests import parse_json
from apps.common.uploads import StoredFile

META: Final = "meta"
FILE: Final = "file"


def read_body(
    request: Request, serializer_class: type[serializers.Serializer[Any]]
) -> tuple[dict[str, Any], list[StoredFile]]:
    """Return the checked document and the stored files of a JSON or multipart body.

    Raises Malformed, Invalid and ValidationError.
    """
    document: Any = request.data
    files: list[StoredFile] = []
    if carries_files(request):
        _refuse_unknown([*request.POST, *request.FILES])
        meta = request.POST.get(META)
        document = parse_json(meta.encode()) if meta else {}
        files = [upload.stored for upload in request.FILES.getlist(FILE)]
    serializer = serializer_class(data=document)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data), files


def carries_files(request: Request) -> bool:
    """Tell whether the body is a form, the one kind that brings files."""
    return (request.content_type or "").startswith("multipart/")


def _refuse_unknown(names: list[str]) -> None:
    unknown = [name for name in names if name not in {META, FILE}]
    if unknown:
        detail = f"There is no such part; send `{META}` and `{FILE}`."
        raise Invalid(
            errors=[FieldError(detail, code="unknown_field", pointer=f"/{name}") for name in unknown]
        )
