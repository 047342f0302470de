"""Nothing of a repository runs: the real processes, over a tree that would leave a mark if anything did."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from apps.projects.analysis.isolated import EngineTimeout
from apps.projects.renaming.analysing import analyse
from apps.projects.renaming.exporting import exported
from apps.projects.renaming.selecting import select_files
from apps.projects.renaming.values import Place, SourceFile
from apps.projects.states import Bucket, Completeness
from tests.projects.renaming.running import edits_of, sources_of, wish_for

# What tools load by themselves, and what engines look for: compiled modules this system lacks, and its own.
TRAPS = (
    ".ropeproject/config.py",
    "conftest.py",
    "sitecustomize.py",
    "usercustomize.py",
    "setup.py",
    "_winapi.py",
    "_msi.py",
    "_heapq.py",
    "winreg.py",
    "json.py",
    "msgspec.py",
    "jedi.py",
    "rope/__init__.py",
    "parso/__init__.py",
    "encodings/__init__.py",
    "apps/__init__.py",
)
MAIN = (
    "import _heapq, _msi, _winapi, json, winreg\nfrom _winapi import CloseHandle\n"
    "import native\nimport conftest\n"
    "def area(side):\n    _winapi.CloseHandle(side)\n    winreg.CloseKey(side)\n    native.go(side)\n"
    "    return _heapq.heapify(json.loads(side)), _msi.area, winreg.area, _winapi.area, native.area\n"
    "area(CloseHandle)\n"
)


def test_no_file_of_the_repository_is_run_or_loaded(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'a').write(__name__)\ndef area(x): pass\n"
    native = b"\x7fELF" + b"\0" * 60
    files: dict[str, str | bytes] = {
        **dict.fromkeys(TRAPS, trap),
        "main.py": MAIN,
        "native.so": native,
        "native.abi3.so": native,
    }
    analysis = analyse(wish_for(Place("main.py", 5, 5), "square"), sources_of(files))
    assert list(tmp_path.iterdir()) == []
    assert {"main.py"} == {path for path, _, _ in edits_of(analysis, Bucket.CERTAIN)}
    assert {item.path for item in analysis.unscanned} == {"native.so", "native.abi3.so"}


def test_the_exported_folder_is_private_and_holds_regular_python_files_alone() -> None:
    hostile = [
        SourceFile(path, "b", mode, b"side = 1\n", "utf-8", "Python")
        for path, mode in (
            (b"../outside.py", "100644"),
            (b"/etc/absolute.py", "100644"),
            (b"a/../../b.py", "100644"),
            (b"back\\slash.py", "100644"),
            (b"not\xff\xfetext.py", "100644"),
            (b"link.py", "120000"),
            (b"module", "160000"),
            (b"fine/file.py", "100755"),
        )
    ]
    selected = select_files(hostile, (), ())
    assert list(selected.files) == ["fine/file.py"]
    assert {item.reason for item in selected.unscanned} == {"path", "not_regular"}
    with exported(selected.texts) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [path.name for path in folder.rglob("*") if path.is_file()] == ["file.py"]
    assert not folder.exists()


def test_an_analysis_that_has_no_time_says_so() -> None:
    sources = sources_of({"main.py": "side = 1\n" * 2_000})
    with pytest.raises(EngineTimeout):
        analyse(wish_for(Place("main.py", 1, 1), "width"), sources, timeout_s=0.01)


def test_files_beyond_the_limits_are_listed_and_the_outcome_is_partial() -> None:
    files = {f"f{number:04}.py": "" for number in range(2_001)} | {"a.py": "side = 1\n"}
    analysis = analyse(wish_for(Place("a.py", 1, 1), "width"), sources_of(files))
    assert analysis.outcome == Completeness.PARTIAL
    assert [(item.path, item.reason) for item in analysis.unscanned] == [
        ("f1999.py", "limit"),
        ("f2000.py", "limit"),
    ]


def test_an_engine_that_imports_a_file_of_the_folder_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "trap_of_the_folder.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    program = (
        f"import sys\nsys.path[:0] = [{str(Path.cwd())!r}, {str(tmp_path)!r}]\nfrom pathlib import Path\n"
        "from apps.projects.renaming.engines.refusing import refuse_code_of\n"
        f"refuse_code_of(Path({str(tmp_path)!r}))\nimport json.tool\nimport trap_of_the_folder\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1] == f"ImportError: {tmp_path / 'trap_of_the_folder.py'}"
    assert not (tmp_path / "ran").exists()
