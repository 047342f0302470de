"""The prelude: what it installs, when, and what it says where it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import bootstrap

RESTARTED = (
    "import sys; from config.bootstrap import ensure_environment; ensure_environment(['manage.py', 'up'])"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty project folder that the prelude takes for its own."""
    monkeypatch.setattr(bootstrap, "BOOT_DIR", tmp_path / "var" / "boot")
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(bootstrap, "UNFINISHED", tmp_path / ".venv" / "sextant-unfinished")
    return tmp_path


def filled_environment(project: Path, requirements: Path) -> None:
    """Make an environment that looks completely installed."""
    bootstrap.PYTHON.parent.mkdir(parents=True)
    bootstrap.PYTHON.symlink_to(sys.executable)
    bootstrap.stamp_of(requirements).write_text(bootstrap.digest(requirements))


def test_a_changed_file_is_installed_again(project: Path) -> None:
    requirements = project / "requirements.txt"
    requirements.write_text("example==1\n")
    filled_environment(project, requirements)
    assert bootstrap.is_current([requirements])

    requirements.write_text("example==2\n")

    assert not bootstrap.is_current([requirements])


def test_an_interrupted_installation_counts_as_none(project: Path) -> None:
    requirements = project / "requirements.txt"
    requirements.write_text("example==1\n")
    filled_environment(project, requirements)

    bootstrap.UNFINISHED.touch()

    assert not bootstrap.is_current([requirements])


def test_an_environment_whose_python_is_gone_counts_as_none(project: Path) -> None:
    requirements = project / "requirements.txt"
    requirements.write_text("example==1\n")
    filled_environment(project, requirements)

    bootstrap.PYTHON.unlink()
    bootstrap.PYTHON.symlink_to(project / "removed")

    assert not bootstrap.is_current([requirements])


def test_only_the_test_command_needs_the_development_packages() -> None:
    assert bootstrap.required_files(["manage.py", "up"]) == [bootstrap.RUNTIME]
    assert bootstrap.required_files(["manage.py", "test"]) == [bootstrap.RUNTIME, bootstrap.DEVELOPMENT]
    assert bootstrap.required_files(["manage.py"]) == [bootstrap.RUNTIME]


@pytest.mark.parametrize(
    ("pins", "held"),
    [
        ("pytest=={version} \\\n    --hash=sha256:00\n", True),
        ("pytest==0.1\n", False),
        ("no-such-package==1\n", False),
    ],
)
def test_a_python_that_holds_every_pin_is_used_as_it_is(tmp_path: Path, pins: str, held: bool) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(pins.format(version=pytest.__version__))

    assert bootstrap.holds_pinned([requirements]) is held


def test_an_old_python_is_told_which_one_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(bootstrap.STARTED_MARK, raising=False)
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))

    with pytest.raises(SystemExit) as stopped:
        bootstrap.ensure_environment(["manage.py", "up"])

    assert stopped.value.code == 2
    assert "Python 3.11 or newer; this is Python 3.10.4" in capsys.readouterr().err


def test_without_pip_and_uv_the_exit_says_so(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(project))
    monkeypatch.setattr(bootstrap, "pip", lambda: [sys.executable, "-m", "no_such_pip"])

    with pytest.raises(SystemExit) as stopped:
        bootstrap.find_uv()

    assert stopped.value.code == 2
    assert "pip" in capsys.readouterr().err


def test_installers_keep_their_caches_in_the_data_folder_where_there_is_no_home(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 23."""
    monkeypatch.setenv("HOME", str(project / "missing"))
    assert bootstrap.installer_environ()["HOME"] == str(bootstrap.BOOT_DIR)

    monkeypatch.setenv("HOME", str(project))
    assert bootstrap.installer_environ()["HOME"] == str(project)


def test_the_mark_of_a_restarted_command_stops_a_loop() -> None:
    environ = {**os.environ, bootstrap.STARTED_MARK: "1"}

    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{RESTARTED}; print('here')"],
        cwd=bootstrap.BASE_DIR,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "here\n"
