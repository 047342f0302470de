"""What names say: languages, generated, vendored; patterns as git and people write them."""

import re
import subprocess
import time
from pathlib import Path
from typing import Final

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from apps.projects.manifests.attributes import parse_attributes
from apps.projects.manifests.globs import compile_globs, is_matched
from apps.projects.manifests.languages import language_by_attribute, language_by_name, language_by_shebang
from apps.projects.models import Project
from tests.projects.manifests.building import build_head
from tests.projects.repositories import ENVIRONMENT, Repository

PATHS: Final[list[bytes]] = [
    b"a",
    b"b.py",
    b"ab",
    b"a/b",
    b"a/b.py",
    b"a/ab/b",
    b"b/a",
    b"b/a/b.py",
    b"]",
    b"a/*",
]
PIECES = ["a", "b", "/", "/", "*", "**", "?", "[", "]", "!", "\\", "-", ".", '"', "[:alpha:]", "[a-b]"]
PATTERNS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join)
SAID = {b"set": "true", b"unset": "false", b"unspecified": None}


def git_says(folder: Path, content: bytes) -> dict[bytes, str | None]:
    (folder / ".gitattributes").write_bytes(content)
    command: list[str | bytes] = ["git", "check-attr", "-z", "linguist-generated", "--", *PATHS]
    output = subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True).stdout
    parts = output.split(b"\0")
    values = zip(parts[0::3], parts[2::3], strict=False)
    return {path: SAID[value] if value in SAID else value.decode() for path, value in values}


@pytest.fixture(scope="module")
def worktree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a repository whose attributes git reads from a file."""
    folder = tmp_path_factory.mktemp("worktree")
    subprocess.run(["git", "init", "-q", str(folder)], env=ENVIRONMENT, check=True)
    return folder


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.tuples(PATTERNS, st.sampled_from(["", "-", "!"]), st.sampled_from(["", "=false", "=true"])),
        min_size=1,
        max_size=3,
    )
)
def test_patterns_mean_what_they_mean_to_git(worktree: Path, lines: list[tuple[str, str, str]]) -> None:
    text = "".join(
        f"{pattern} {sign}linguist-generated{'' if sign else value}\n" for pattern, sign, value in lines
    )
    ours = parse_attributes(text.encode())
    found = {path: ours.value(b"linguist-generated", path) for path in PATHS}
    assert found == git_says(worktree, text.encode())


@pytest.mark.django_db
def test_the_root_file_goes_before_known_names(repository: Repository, project: Project) -> None:
    repository.commit(
        {
            ".gitattributes": "*.inc linguist-language=php\nvendor/ours/** -linguist-vendored\n"
            "docs/** linguist-generated linguist-vendored\nyarn.lock linguist-generated=false\n",
            "a.inc": "x",
            "vendor/ours/a.js": "x",
            "vendor/b.js": "x",
            "docs/a.md": "x",
            "yarn.lock": "x",
            "sub/yarn.lock": "x",
            "app.min.js": "x",
            "run": "#!/usr/bin/env python3\n",
            "sub/.gitattributes": "*.md linguist-generated\n",
            "sub/a.md": "x",
        }
    )
    found = {
        entry.path.decode(): (entry.language, entry.is_generated, entry.is_vendored)
        for entry in build_head(project, repository).entries
    }
    assert found == {
        ".gitattributes": ("Git Attributes", False, False),
        "a.inc": ("PHP", False, False),
        "vendor/ours/a.js": ("JavaScript", False, False),
        "vendor/b.js": ("JavaScript", False, True),
        "docs/a.md": ("Markdown", True, True),
        "yarn.lock": ("YARN Lock", False, False),
        "sub/yarn.lock": ("YARN Lock", False, False),
        "app.min.js": ("JavaScript", True, False),
        "run": ("Python", False, False),
        "sub/.gitattributes": ("Git Attributes", False, False),
        "sub/a.md": ("Markdown", False, False),
    }


@pytest.mark.parametrize(
    ("name", "language"),
    [
        (b"a.py", "Python"),
        (b"A.PY", "Python"),
        (b"Dockerfile", "Dockerfile"),
        (b"x/Dockerfile.dev", "Dockerfile"),
        (b"Makefile", "Makefile"),
        (b"CMakeLists.txt", "CMake"),
        (b"py", ""),
        (b"a.unknown", ""),
        (b"\xff.py", "Python"),
        (b".gitignore", "Ignore List"),
    ],
)
def test_names_say_languages(name: bytes, language: str) -> None:
    assert language_by_name(name) == language


def test_interpreters_and_attributes_say_languages() -> None:
    assert [language_by_shebang(name) for name in ("python3.11", "bash", "nothing", "")] == [
        "Python", "Shell", "", "",
    ]  # fmt: skip
    assert (language_by_attribute("c++"), language_by_attribute("Nothing")) == ("C++", "")


def naive(glob: str) -> "re.Pattern[str]":
    """Return what a glob means, without a thought of how long it takes."""
    tokens = re.findall(r"(?:(?<=/)|^)\*\*/|\*\*+|\*|[^*]", glob)
    meant = {"*": "[^/]*", "**/": "(?:.*/)?"}
    return re.compile(
        "".join(meant.get(t) or (".*" if t.startswith("**") else re.escape(t)) for t in tokens), re.DOTALL
    )


@settings(max_examples=400)
@given(glob=st.text("ab/**", min_size=1, max_size=10), path=st.text("aab/", min_size=1, max_size=10))
def test_a_glob_is_matched_on_the_whole_path(glob: str, path: str) -> None:
    assert is_matched((glob,), path.encode()) == bool(naive(glob).fullmatch(path))


@pytest.mark.parametrize("glob", ["*a" * 60 + "b", "**/a" * 40 + "b", "**a" * 60 + "b", "**/*a*a*a*a/b" * 4])
def test_hostile_globs_end_quickly(glob: str) -> None:
    began = time.process_time()
    for path in (b"a" * 4_000, b"a/" * 2_000):
        assert compile_globs((glob,)).fullmatch(path) is None
    assert time.process_time() - began < 0.5
