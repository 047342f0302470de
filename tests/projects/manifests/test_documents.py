"""The bytes of a document: equal to a reference made from git, however they came about."""

import hashlib
import json
import locale
from pathlib import Path

import hypothesis.strategies as st
import orjson
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings

from apps.projects.errors import GitFailed
from apps.projects.git.layout import published_repository
from apps.projects.manifests import listing
from apps.projects.manifests.blobs import BATCH_BLOBS
from apps.projects.manifests.building import build_manifest, write_manifest
from apps.projects.manifests.document import entry_fields, entry_line
from apps.projects.manifests.storing import read_document
from apps.projects.manifests.values import ManifestEntry
from apps.projects.models import BlobFact, Manifest, Project
from tests.factories.projects import ProjectFactory, publish
from tests.projects.manifests.building import build_head
from tests.projects.manifests.reference import reference_lines
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db

AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
NAMES = st.sampled_from(
    [
        b"a.py",
        b"b.md",
        b"A",
        b"a b",
        "ä.txt".encode(),
        "a\u0308.txt".encode(),
        b"\xff\xfe.py",
        b"x\ny.sh",
        b"\xe2\x80\xae",
    ]
)
FOLDERS = st.sampled_from([b"", b"", b"sub/", b"sub/deep/", b"a-/", b"a/", "é/".encode()])
TEXTS = st.text(alphabet=st.sampled_from("ab \t\r\ndef class\u00e4\u20ac\U0001f600"), max_size=60)
CONTENTS = st.one_of(
    st.binary(max_size=40),
    TEXTS.map(str.encode),
    TEXTS.map(lambda text: text.encode("utf-16")),
    TEXTS.map(lambda text: b"\xfe\xff" + text.encode("utf-16-be")),
    TEXTS.map(lambda text: text.encode("latin-1", "replace")),
    st.sampled_from(
        [
            b"",
            b"class A:\n    async def f(self):\n        pass\n",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 7\n",
        ]
    ),
)
MODES = st.sampled_from(["100644", "100644", "100755", "120000", "160000"])


@st.composite
def trees(draw: st.DrawFn) -> dict[str | bytes, str | bytes | Blob | None]:
    """Return the entries of a tree; names that are folders elsewhere never clash with files."""
    files: dict[str | bytes, str | bytes | Blob | None] = {}
    for _ in range(draw(st.integers(1, 6))):
        mode = draw(MODES)
        content = b"1" * 40 if mode == "160000" else draw(CONTENTS)
        files[draw(FOLDERS) + draw(NAMES)] = Blob(content, mode)
    return files


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees())
def test_any_tree_equals_the_reference_and_what_was_kept_changes_nothing(
    repository: Repository, project: Project, tree: dict[str | bytes, str | bytes | Blob | None]
) -> None:
    commit = repository.commit(tree, is_root=True)
    folder = repository.folder
    kept = write_manifest(project=project, repository=folder, commit=commit, ref="heads/main")
    again = write_manifest(project=project, repository=folder, commit=commit, ref="heads/main")
    full = write_manifest(project=project, repository=folder, commit=commit, ref="heads/main", is_fresh=True)
    lines = reference_lines(repository, commit)
    header, _, found = kept.document.content.partition(b"\n")
    assert found == lines
    assert kept.document.content == again.document.content == full.document.content
    assert json.loads(header)["entries_sha256"] == hashlib.sha256(lines).hexdigest()
    assert rfc8785.dumps(json.loads(header)) == header


ENTRIES = st.builds(
    ManifestEntry,
    path=st.binary(min_size=1, max_size=30)
    | st.text(min_size=1, max_size=20).map(lambda t: t.encode("utf-8", "replace")),
    mode=st.just("100644"),
    kind=st.just("file"),
    blob=st.just("0" * 40),
    size_bytes=st.none() | st.integers(0, 2**40),
    lines=st.none() | st.integers(0, 2**31),
    language=st.sampled_from(["", "C++"]),
    is_binary=st.booleans(),
    is_excluded=st.booleans(),
)


@given(entry=ENTRIES)
def test_the_fast_path_writes_what_a_canonical_encoder_does(entry: ManifestEntry) -> None:
    assert entry_line(entry) == rfc8785.dumps(entry_fields(entry)) + b"\n"


def test_every_character_is_written_as_a_canonical_encoder_does() -> None:
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000), 0x1F600, 0x10FFFF]))
    assert orjson.dumps({"path": text}) == rfc8785.dumps({"path": text})


def test_another_locale_order_and_organization_give_equal_entries(
    repository: Repository, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"b": "1", "a.py": "x", "Z": "2", "é": "3", "a/b": "4", "a-b": "5"})
    here = build_head(project, repository)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
        there = build_head(ProjectFactory.create(), repository)
    finally:
        locale.setlocale(locale.LC_ALL, before)
    assert here.header["entries_sha256"] == there.header["entries_sha256"]
    assert [entry.path for entry in here.entries] == sorted(entry.path for entry in here.entries)


def test_a_build_twice_is_one_version_and_one_document(repository: Repository, project: Project) -> None:
    repository.commit({"a": "1"})
    first, second = build_head(project, repository), build_head(project, repository)
    assert first.manifest_id == second.manifest_id
    row = Manifest.objects.get(project=project)
    assert hashlib.sha256(read_document(row)).digest() == bytes(row.digest) == first.digest


def test_what_depends_on_settings_is_another_version(repository: Repository, project: Project) -> None:
    repository.commit({"docs/a.md": "1", "b.py": "2"})
    plain = build_head(project, repository)
    project.settings = {"exclude_globs": ["docs/**"]}
    narrowed = build_head(project, repository)
    assert plain.manifest_id != narrowed.manifest_id
    assert plain.header["settings_digest"] != narrowed.header["settings_digest"]
    assert [(entry.path, entry.is_excluded) for entry in narrowed.entries] == [
        (b"b.py", False),
        (b"docs/a.md", True),
    ]


def test_beyond_the_limits_entries_are_listed_without_content_facts(
    repository: Repository, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.py": "1\n", "b.py": "22\n", "c.py": "3\n"})
    monkeypatch.setattr(listing, "FILES_MAX", 2)
    by_count = build_head(project, repository)
    assert by_count.header["truncated"] is True
    assert [(entry.lines, entry.language, entry.sha256 != "") for entry in by_count.entries] == [
        (1, "Python", True), (1, "Python", True), (None, "Python", False),
    ]  # fmt: skip
    monkeypatch.setattr(listing, "BYTES_MAX", 4)
    tree = listing.read_tree(repository.folder, repository.tip("main"))
    assert listing.readable_count(tree.files) == 1


def test_an_empty_repository_has_a_manifest_of_no_files(project: Project, tmp_path: Path) -> None:
    built = build_manifest(project=project, repository=tmp_path)
    assert (built.file_count, built.header["commit"], built.header["totals"]["files"]) == (0, "", 0)


def test_a_missing_blob_ends_the_build_at_once_and_what_was_learnt_before_is_kept(
    repository: Repository, project: Project
) -> None:
    # More requests and answers than any pipe holds: nobody may wait for a reader that gave up.
    repository.commit({f"{number:04}": f"{number:04}" * 400 for number in range(3_000)})
    lines = repository.git("ls-tree", "main") + f"\n100644 blob {'1' * 40}\t!first"
    tree = repository.git("mktree", "--missing", stdin=lines.encode())
    commit = repository.git(*AS_ADA, "commit-tree", "-m", "x", tree)
    with pytest.raises(GitFailed):
        build_manifest(project=project, repository=repository.folder, commit=commit, ref="heads/main")
    assert not Manifest.objects.exists()
    lines = lines.replace("!first", "last")
    tree = repository.git("mktree", "--missing", stdin=lines.encode())
    commit = repository.git(*AS_ADA, "commit-tree", "-m", "x", tree)
    with pytest.raises(GitFailed):
        build_manifest(project=project, repository=repository.folder, commit=commit, ref="heads/main")
    assert BlobFact.objects.count() == BATCH_BLOBS


def test_lfs_pointers_are_counted_and_said_nothing_of(repository: Repository, project: Project) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"
    repository.commit({"big.py": pointer, "link": Blob(pointer, "120000")})
    built = build_head(project, repository)
    assert built.lfs == {"files": 1, "bytes": 12345}
    assert [(entry.kind, entry.lines, entry.language) for entry in built.entries] == [
        ("lfs", None, ""), ("symlink", None, ""),
    ]  # fmt: skip


def test_a_blob_under_another_name_is_scanned_for_its_language_too(
    repository: Repository, project: Project
) -> None:
    content = "class A {\n}\n"
    repository.commit({"a.txt": content, "a.py": content})
    build_head(project, repository)
    repository.commit({"b.js": content})
    kept = build_head(project, repository)
    mirror = publish(project, repository)
    folder = published_repository(mirror)
    full = write_manifest(
        project=project, repository=folder, commit=mirror.head_commit, ref=mirror.head_ref, is_fresh=True
    )
    assert full.document.digest == kept.digest
    assert set(BlobFact.objects.get().symbols) == {"Python", "JavaScript"}
