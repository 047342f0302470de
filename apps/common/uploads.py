"""Uploaded files: streamed into the storage under a random name, measured, kept only if somebody claims them.

    class ImportViewSet(...):
        upload_max_bytes = 200 * 1024 * 1024     # the view's class, or the view function, states its cap
        upload_max_s = 600                       # and perhaps how long it waits for the whole body

    start_import(files=[upload.stored for upload in request.FILES.getlist("file")])
        keep(files)                              # in the transaction that writes the rows which name them

A view that states no cap takes no files. What nobody has kept when the request ends, however, is deleted.
"""

import contextvars
import hashlib
import math
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import structlog
from django.core.exceptions import RequestDataTooBig
from django.core.files import File
from django.core.files.storage import Storage, default_storage
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.db import transaction
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

from apps.common import file_types
from apps.common.errors import TooLarge
from apps.common.file_types import FileType

FOLDER: Final = "uploads"
CHUNK_BYTES: Final = 256 * 1024
# What stands around a file's bytes in a multipart body: boundaries, headers, the other fields.
FRAMING_BYTES: Final = 1024 * 1024

logger = structlog.get_logger(__name__)


class UploadTooLarge(TooLarge, RequestDataTooBig):
    """The request's files are larger than allowed.

    Also Django's own exception: raised while a middleware reads the form, it must not become a 500.
    """


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the default storage: the sender's name for it, its place, bytes, SHA-256 in hexadecimal."""

    name: str
    storage_name: str
    size: int
    sha256: str
    file_type: FileType = FileType.BINARY


@dataclass(slots=True)
class Lot:
    """The storage names that one request has written, and those that were claimed."""

    written: list[str] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    committed: set[str] = field(default_factory=set)


_lot: contextvars.ContextVar[Lot | None] = contextvars.ContextVar("upload_lot", default=None)


def keep(files: Iterable[StoredFile]) -> None:
    """Claim files in the transaction that writes the rows which name them; rolled back, they are deleted.

    Without a request (a job, a command) nothing is deleted by itself and this does nothing.
    """
    lot = _lot.get()
    if lot is None:
        return
    names = {file.storage_name for file in files}
    lot.claimed |= names
    transaction.on_commit(lambda: lot.committed.update(names))


def max_bytes_of(view: Callable[..., Any] | None) -> int:
    """Return how many bytes of files a view takes in one request; 0 if it says nothing."""
    return int(getattr(_owner_of(view), "upload_max_bytes", 0))


def max_seconds_of(view: Callable[..., Any] | None) -> float:
    """Return how long the body of a request may take that brings files to a view; without end by default."""
    return float(getattr(_owner_of(view), "upload_max_s", math.inf))


def refusal_of(view: Callable[..., Any] | None) -> type[TooLarge]:
    """Return how a view calls a body larger than its files may be."""
    refusal: type[TooLarge] = getattr(_owner_of(view), "upload_refusal", TooLarge)
    return refusal


def _owner_of(view: Callable[..., Any] | None) -> Any:
    return getattr(view, "cls", None) or getattr(view, "view_class", None) or view


def takes_uploads(max_bytes: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a view function take files of so many bytes in one request."""

    def mark(view: Callable[..., Any]) -> Callable[..., Any]:
        view.upload_max_bytes = max_bytes  # type: ignore[attr-defined]
        return view

    return mark


# Generic in its stubs only.
class StoredUpload(UploadedFile):  # type: ignore[type-arg]
    """An uploaded file that lies in the storage already; opened there when somebody reads it."""

    def __init__(self, stored: StoredFile, **headers: Any) -> None:
        super().__init__(name=stored.name, size=stored.size, **headers)
        self.stored = stored
        self.sha256 = stored.sha256
        self._opened: File[bytes] | None = None

    @property
    def file(self) -> "File[bytes]":
        """Return the stored file, opened for reading."""
        if self._opened is None:
            self._opened = default_storage.open(self.stored.storage_name)
        return self._opened

    @file.setter
    def file(self, value: Any) -> None:
        """Take no other file: Django's constructor sets it to nothing."""

    def close(self) -> None:
        """Close the file if it was opened."""
        if self._opened is not None:
            self._opened.close()


class StorageUploadHandler(FileUploadHandler):
    """Writes each file of a request into the default storage while it arrives."""

    chunk_size = CHUNK_BYTES
    # Where in the storage the files of such requests lie.
    folder = FOLDER

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        match = request.resolver_match if request is not None else None
        self._max_bytes = max_bytes_of(match.func if match else None)
        self._received_bytes = 0

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *_: Any, **__: Any) -> None:  # noqa: N803
        """Refuse a request whose stated length is over the cap before anything is read."""
        if content_length > self._max_bytes + FRAMING_BYTES:
            raise UploadTooLarge(self._explanation())

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Open a file of a random name."""
        super().new_file(*args, **kwargs)
        if not self._max_bytes:
            raise UploadTooLarge(self._explanation())
        self._storage_name = f"{self.folder}/{secrets.token_hex(16)}"
        lot = _lot.get()
        if lot is not None:
            lot.written.append(self._storage_name)
        self._target = _open_new(default_storage, self._storage_name)
        self._digest = hashlib.sha256()
        self._head = b""

    # Django closes `handler.file` when the form is broken or cut off.
    @property
    def file(self) -> "File[bytes]":
        """Return the file that is being written."""
        return self._target

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write the next bytes; raises UploadTooLarge as soon as the request's files are over the cap."""
        self._received_bytes += len(raw_data)
        if self._received_bytes > self._max_bytes:
            self._target.close()
            raise UploadTooLarge(self._explanation())
        if len(self._head) < file_types.HEAD_BYTES:
            self._head = (self._head + raw_data)[: file_types.HEAD_BYTES]
        self._digest.update(raw_data)
        try:
            self._target.write(raw_data)
        except OSError:
            # Nobody else closes it on a full disk, where what waits in its buffer finds no room either.
            with suppress(OSError):
                self._target.close()
            raise

    def file_complete(self, file_size: int) -> StoredUpload:
        """Close the file and hand it over."""
        self._target.close()
        headers = {
            "content_type": self.content_type,
            "charset": self.charset,
            "content_type_extra": self.content_type_extra,
        }
        # Django's own class cleans and shortens the sender's name.
        name = UploadedFile(name=self.file_name).name or "file"
        return StoredUpload(
            StoredFile(
                name=name,
                storage_name=self._storage_name,
                size=file_size,
                sha256=self._digest.hexdigest(),
                file_type=file_types.detect(self._head),
            ),
            **headers,
        )

    def upload_interrupted(self) -> None:
        """Close the file of a form that ended in the middle of it."""
        self._target.close()

    def _explanation(self) -> str:
        if not self._max_bytes:
            return "This address takes no files."
        return f"The files of one request may have {self._max_bytes} bytes in all."


def _open_new(storage: Storage, name: str) -> "File[bytes]":
    """Open a file of the storage for writing, with the permissions that it gives to files it saves."""
    try:
        path = Path(storage.path(name))
    except NotImplementedError:
        return storage.open(name, "wb")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return File(os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"))


class UploadCleanup:
    """Middleware: deletes the files of a request that nobody has kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, and clean up behind it."""
        lot = Lot()
        token = _lot.set(lot)
        try:
            response = self.get_response(request)
            if response.status_code < HTTPStatus.BAD_REQUEST:
                # Claimed and not committed here: somebody holds a transaction around the whole request.
                lot.committed |= lot.claimed
        finally:
            _lot.reset(token)
            _discard(lot)
        return response


def _discard(lot: Lot) -> None:
    for name in lot.written:
        if name in lot.committed:
            continue
        try:
            default_storage.delete(name)
        except OSError as error:
            logger.warning("upload_not_deleted", storage_name=name, error=repr(error))


def attachment(storage_name: str, *, filename: str) -> FileResponse:
    """Return a stored file as a download that no browser displays or guesses about."""
    response = FileResponse(
        default_storage.open(storage_name),
        as_attachment=True,
        filename=filename,
        content_type="application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-cache"
    return response
