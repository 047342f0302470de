"""Compressed bodies: inflated as far as the cap, not a byte further."""

import gzip
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import DomainError, Malformed, TooLarge
from apps.common.problems import UnsupportedMediaType
from apps.metrics.doors.bodies import MAX_STREAMS, inflate

MIB = 1024 * 1024
TEXT = b"m,host=a value=1.5 1700000000000000000\n" * 5_000


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def gzip_bomb(total_bytes: int) -> bytes:
    """Return the start of a gzip stream of zeros; a flushed block stands alone, so it can be repeated."""
    compressor = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = compressor.compress(bytes(16 * MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + block * (total_bytes // (16 * MIB))


def zstd_bomb(total_bytes: int) -> bytes:
    """Return a zstd frame of zeros: each block of four bytes repeats one byte 131,072 times."""
    block = (1 << 1 | 131_072 << 3).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x38" + block * (total_bytes // 131_072)


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("", bytes), ("identity", bytes), ("gzip", gzip.compress), ("GZIP ", gzip.compress),
     ("x-gzip", gzip.compress), ("zstd", zstd)],
)  # fmt: skip
def test_bodies_are_inflated(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    assert inflate(compress(TEXT), encoding, len(TEXT)) == TEXT
    with pytest.raises(TooLarge):
        inflate(compress(TEXT), encoding, len(TEXT) - 1)


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd)])
def test_several_streams_in_a_row_are_one_body(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    body = compress(TEXT) + compress(b"") + compress(b"end")
    assert inflate(body, encoding, MIB) == TEXT + b"end"
    with pytest.raises(Malformed):
        inflate(compress(b"") * (MAX_STREAMS + 1), encoding, MIB)


def test_a_zstd_stream_may_hold_skippable_frames_and_no_declared_size() -> None:
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    compressor = zstandard.ZstdCompressor().compressobj()
    body = skippable + compressor.compress(TEXT) + compressor.flush() + skippable
    assert inflate(body, "zstd", MIB) == TEXT


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd)])
def test_what_is_broken_or_cut_off_is_malformed(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    body = compress(TEXT)
    for broken in (b"", b"x", body[:-1], body[: len(body) // 2], body + b"x", b"{}" + body, TEXT):
        with pytest.raises(Malformed):
            inflate(broken, encoding, MIB)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd", "snappy", "x"])
def test_other_encodings_are_not_supported(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        inflate(TEXT, encoding, MIB)


def test_a_window_over_8_mib_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(Malformed):
        inflate(compressor.compress(TEXT) + compressor.flush(), "zstd", MIB)


@pytest.mark.parametrize(("encoding", "make_bomb"), [("gzip", gzip_bomb), ("zstd", zstd_bomb)])
def test_a_bomb_of_10_gb_is_refused_and_leaves_the_process_small(
    encoding: str, make_bomb: Callable[[int], bytes], tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(make_bomb(10_000 * MIB))
    program = """
        import pathlib, resource, sys
        from django.conf import settings
        settings.configure()
        from apps.common.errors import TooLarge
        from apps.metrics.doors.bodies import inflate
        bomb = pathlib.Path(sys.argv[1]).read_bytes()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            inflate(bomb, sys.argv[2], 32 * 2**20)
        except TooLarge:
            print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(bomb), encoding]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(found.stdout) < 64


@given(st.binary(max_size=300), st.sampled_from(["gzip", "zstd"]), st.integers(0, 300))
def test_any_bytes_are_inflated_or_refused(noise: bytes, encoding: str, place: int) -> None:
    compress = gzip.compress if encoding == "gzip" else zstd
    body = compress(b"some content" * 20)
    for broken in (noise, body[:place] + noise + body[place:]):
        try:
            inflate(broken, encoding, 1_000)
        except DomainError:
            continue
