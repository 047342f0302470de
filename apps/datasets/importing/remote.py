"""One file of a foreign host as the input of an import.

A transfer that breaks goes on where it stopped, as long as the other host says that the file is the same. A
host that cannot just now is asked again, and left alone once it has failed too often. What was fetched before
is not fetched again; and a file that is not the promised one is thrown away.
"""

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit

from django.conf import settings

from apps.common.errors import Invalid, TooLarge
from apps.common.outbound.breaker import guarded
from apps.common.outbound.calling import HostFailed, is_failing, persistently
from apps.common.outbound.client import Answer, Exchange, Limits, open_url
from apps.common.outbound.errors import AnswerTooLarge, OutboundFailed
from apps.common.outbound.urls import parse_target
from apps.datasets.importing.room import check_room
from apps.datasets.importing.sources import ChecksumMismatch

PURPOSE: Final = "dataset"
FIRST_BYTE_S: Final = 30.0
TOTAL_S: Final = 30 * 60.0
RESUMES: Final = 5
NAME_MAX_CHARS: Final = 255
# What one transfer may exceed the limit by before it is cut: so that this module says it, with its own error.
SLACK_BYTES: Final = 1024 * 1024
CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")
SHA256_BYTES: Final = 32

Progress = Callable[[int, int | None], None]


class FetchFailed(Invalid):
    """The other host did not give the file.

    The detail says with which status it answered, if it answered at all.
    """

    code = "datasets.fetch_failed"
    status: int | None = None

    @classmethod
    def with_status(cls, status: int) -> "FetchFailed":
        """Return the error that a status makes; nothing else that the host said is repeated."""
        error = cls(f"The other host answered with status {status}.")
        error.status = status
        return error


class FetchTooLarge(TooLarge):
    """The remote file is larger than an import takes."""

    code = "datasets.fetch_too_large"


@dataclass(frozen=True, slots=True)
class Validators:
    """By what the other host recognises a file that we have: an entity tag, a time."""

    etag: str = ""
    last_modified: str = ""

    @property
    def conditions(self) -> dict[str, str]:
        """Return the headers of a call that wants the file only if it is another one."""
        wanted = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in wanted.items() if value}

    @property
    def range_condition(self) -> str:
        """Return what If-Range takes: a strong tag, else the time; empty if a part cannot be told to fit."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


@dataclass(frozen=True, slots=True)
class Fetched:
    """A remote file that lies whole in a local one."""

    name: str
    size: int
    sha256: bytes
    validators: Validators


class Broken(Exception):
    """The transfer ended before the file did."""


def download(
    url: str,
    target: Path,
    *,
    expected_sha256: str = "",
    known: Validators | None = None,
    on_progress: Progress = lambda _have, _whole: None,
) -> Fetched | None:
    """Fetch a file into `target`; None if it is still the `known` one.

    Raises OutboundBlocked, FetchFailed, FetchTooLarge, ChecksumMismatch, HostFailed if the host goes on
    saying that it cannot now, CircuitOpen if it has failed too often; `target` is gone then.
    """
    try:
        with target.open("wb") as part:
            transfer = Transfer(url, part, on_progress)
            if not transfer.run(known or Validators()):
                return None
        return _checked(transfer, target, expected_sha256)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class Transfer:
    """The calls that it takes to get one file; `headers` and `url` are those of the last whole answer."""

    def __init__(self, url: str, part: BinaryIO, on_progress: Progress) -> None:
        self.url = url
        self.headers: Mapping[str, str] = {}
        self.validators = Validators()
        self._part = part
        self._have = 0
        self._is_receiving = False
        self._on_progress = on_progress
        self._ends_at = time.monotonic() + TOTAL_S

    def run(self, known: Validators) -> bool:
        """Fetch the file, in several calls where it must be; False if it is the known one.

        Raises HostFailed if the host goes on saying that it cannot now, CircuitOpen if it is left alone.
        """
        try:
            with guarded(PURPOSE, parse_target(self.url, plain=True).host):
                return self._resumed(known)
        except HostFailed:
            raise
        except OutboundFailed as error:
            raise FetchFailed("The other host did not answer, or broke off too often.") from error

    def _resumed(self, known: Validators) -> bool:
        """Call until the file is whole: a call that breaks off is followed by one for the rest."""
        for _ in range(RESUMES + 1):
            try:
                return persistently(lambda: self._call(known))
            except Broken:
                if time.monotonic() >= self._ends_at:
                    break
        raise OutboundFailed

    def _call(self, known: Validators) -> bool:
        """Make one call; raises Broken once the file has begun to come, before that OutboundFailed."""
        self._is_receiving = False
        try:
            return self._ask(known)
        except AnswerTooLarge as error:
            raise FetchTooLarge from error
        except OutboundFailed as error:
            if self._is_receiving:
                raise Broken from error
            raise

    def _ask(self, known: Validators) -> bool:
        headers = {"Accept-Encoding": "identity", **known.conditions}
        if self._have and self.validators.range_condition:
            headers = {
                "Accept-Encoding": "identity",
                "Range": f"bytes={self._have}-",
                "If-Range": self.validators.range_condition,
            }
        limits = Limits(
            first_byte_s=FIRST_BYTE_S,
            total_s=max(1.0, self._ends_at - time.monotonic()),
            max_bytes=settings.DATASETS_FETCH_MAX_BYTES + SLACK_BYTES,
        )
        with open_url(self.url, purpose=PURPOSE, headers=headers, limits=limits, plain=True) as exchange:
            if exchange.status == HTTPStatus.NOT_MODIFIED and known.conditions:
                return False
            if is_failing(exchange.status):
                raise HostFailed(Answer(exchange.status, exchange.headers, b"", exchange.url))
            self._take_up(exchange)
            self._is_receiving = True
            self._receive(exchange)
        return True

    def _take_up(self, exchange: Exchange) -> None:
        """Go on behind the bytes that are there, or begin anew; raises FetchFailed, Broken to be repeated."""
        if exchange.status == HTTPStatus.PARTIAL_CONTENT and self._continues(exchange):
            return
        self._restart()
        if exchange.status in {HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
            raise Broken
        if exchange.status != HTTPStatus.OK:
            raise FetchFailed.with_status(exchange.status)
        self.headers, self.validators = exchange.headers, _validators_of(exchange.headers)
        announced = _length_of(exchange.headers) or 0
        if announced > settings.DATASETS_FETCH_MAX_BYTES:
            raise FetchTooLarge
        check_room(announced)

    def _continues(self, exchange: Exchange) -> bool:
        found = CONTENT_RANGE.match(exchange.headers.get("content-range", ""))
        return found is not None and int(found[1]) == self._have

    def _restart(self) -> None:
        self._part.seek(0)
        self._part.truncate()
        self._have = 0

    def _receive(self, exchange: Exchange) -> None:
        whole = _length_of(self.headers)
        for piece in exchange.iter_bytes():
            self._have += len(piece)
            if self._have > settings.DATASETS_FETCH_MAX_BYTES:
                raise FetchTooLarge
            self._part.write(piece)
            self._on_progress(self._have, whole)
        if whole is not None and self._have != whole:
            raise Broken


def name_in(url: str) -> str:
    """Return what the last part of an address calls its file."""
    last = unquote(urlsplit(url).path).rstrip("/").rsplit("/", 1)[-1]
    printable = "".join(sign for sign in last if sign.isprintable())
    return printable[-NAME_MAX_CHARS:] or "download"


def _checked(transfer: Transfer, target: Path, expected_sha256: str) -> Fetched:
    """Compare the file with the digest that was promised, by the caller or by the other host."""
    with target.open("rb") as whole:
        digest = hashlib.file_digest(whole, "sha256").digest()
        whole.seek(0)
        md5 = hashlib.file_digest(whole, lambda: hashlib.md5(usedforsecurity=False)).digest()
    if expected_sha256:
        fits = digest.hex() == expected_sha256.lower()
    else:
        fits = all(promised in {digest, md5} for promised in _promised(transfer.headers))
    if not fits:
        raise ChecksumMismatch
    return Fetched(name_in(transfer.url), target.stat().st_size, digest, transfer.validators)


def _promised(headers: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the digests that an answer states, those that can be read."""
    representation = re.search(r"sha-256=:([^:]+):", headers.get("repr-digest", ""))
    if representation:
        yield from _base64(representation[1])
    for name in ("x-amz-meta-sha256", "x-checksum-sha256"):
        text = headers.get(name, "").strip()
        if re.fullmatch(r"[0-9a-fA-F]{64}", text):
            yield bytes.fromhex(text)
        else:
            yield from (digest for digest in _base64(text) if len(digest) == SHA256_BYTES)
    yield from _base64(headers.get("content-md5", ""))


def _base64(text: str) -> Iterator[bytes]:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return
    if decoded:
        yield decoded


def _validators_of(headers: Mapping[str, str]) -> Validators:
    return Validators(headers.get("etag", "")[:255], headers.get("last-modified", "")[:64])


def _length_of(headers: Mapping[str, str]) -> int | None:
    """Return how long the file is, if its bytes come as they are."""
    text = headers.get("content-length", "")
    is_plain = headers.get("content-encoding", "identity").strip().lower() in {"", "identity"}
    return int(text) if is_plain and text.isdecimal() else None
