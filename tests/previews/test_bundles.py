"""A bundle is judged by its content: refused whole, or taken as it is."""

import hashlib
import io
import json
import random
import tracemalloc
import zipfile
from typing import Any

import pytest

from apps.common.archives import ArchiveLimits
from apps.previews.bundles import BundleFacts, inspect_bundle
from apps.previews.errors import BundleIncomplete, BundleUnsafe
from tests.common.test_archives import HOSTILE
from tests.common.zip_forge import Entry, forge
from tests.previews.stories import SITE, zip_of

LIMITS = ArchiveLimits(total_bytes=2_500_000)
WRONG_CRC = {"crc": 1}
# What only inflating shows.
LYING: dict[str, bytes] = {
    "wrong checksum in both places": forge(Entry("index.html", local=WRONG_CRC, central=WRONG_CRC)),
    "larger than both places say": forge(Entry("index.html", local={"size": 1}, central={"size": 1})),
    "smaller than both places say": forge(Entry("index.html", local={"size": 90}, central={"size": 90})),
    "data that cannot be inflated": forge(Entry("index.html", data=b"\xff" * 8)),
    "path of 256 bytes": forge(Entry("index.html"), Entry("a" * 256)),
    "tar": b"a" * 257 + b"ustar" + b"\0" * 300,
    "gzip": b"\x1f\x8b" + b"\0" * 40,
    "HTML": b"<!doctype html><h1>Hello</h1>",
}


def judged(content: bytes, platform: str = "web") -> BundleFacts:
    return inspect_bundle(io.BytesIO(content), platform=platform, limits=LIMITS, beat=lambda _: None)


def described(contents: dict[str, bytes], **changes: Any) -> bytes:
    """Return a bundle with a `sextant.json` of its files, changed."""
    listed = [
        {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in contents.items()
    ]
    document = {"schema": 1, "platform": "web", "entry": "index.html", "files": listed} | changes
    return zip_of({**contents, "sextant.json": json.dumps(document).encode()})


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_unsafe(case: str) -> None:
    with pytest.raises(BundleUnsafe):
        judged(HOSTILE[case][1])


@pytest.mark.parametrize("case", LYING)
def test_what_only_inflating_shows_is_unsafe_too(case: str) -> None:
    with pytest.raises(BundleUnsafe):
        judged(LYING[case])


def test_a_good_bundle_is_measured() -> None:
    expanded = sum(map(len, SITE.values()))
    assert judged(zip_of()) == BundleFacts(expanded_bytes=expanded, entries=2, entry="index.html")


def test_a_nested_archive_stays_closed() -> None:
    bomb = HOSTILE["bomb by ratio"][1]
    assert judged(zip_of({**SITE, "inner.zip": bomb})).entries == 3


def test_a_bundle_for_the_web_needs_an_index_and_others_do_not() -> None:
    with pytest.raises(BundleIncomplete):
        judged(zip_of({"app.js": b"1"}))
    assert judged(zip_of({"app.js": b"1"}), platform="ios").entry == ""


def test_a_described_bundle_is_compared_file_by_file() -> None:
    assert judged(described({**SITE, "main.html": b"<p>"}, entry="main.html")).entry == "main.html"


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"platform": "ios"},
        {"entry": "missing.html"},
        {"files": []},
        {"files": [{"path": "index.html", "sha256": "0" * 64, "size": 14}]},
        {"unknown": 1},
        {"files": "all"},
    ],
    ids=str,
)
def test_a_description_that_differs_makes_the_bundle_incomplete(changes: dict[str, Any]) -> None:
    with pytest.raises(BundleIncomplete):
        judged(described(SITE, **changes))


def test_a_file_that_differs_from_its_description_makes_the_bundle_incomplete() -> None:
    good = described(SITE)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for change in ({"app.js": b"console.log(2)"}, {"extra.js": b"1"}):
        with pytest.raises(BundleIncomplete):
            judged(zip_of(files | change))
    files["sextant.json"] = files["sextant.json"].replace(b'"schema": 1', b'"schema": 1, "schema": 1')
    with pytest.raises(BundleIncomplete):
        judged(zip_of(files))


def test_judging_keeps_little_in_memory() -> None:
    content = zip_of({"index.html": b"x", "large.bin": random.Random(1).randbytes(2_000_000)})
    tracemalloc.start()
    judged(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
