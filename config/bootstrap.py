"""The prelude of manage.py: makes the project's environment, then starts the command again inside it.

Standard library only, and readable by an older Python far enough to say which one is needed. A stamp per
requirements file, the SHA-256 of its content, spares installer and network on every later start.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = (BASE_DIR / (os.environ.get("VAR_DIR") or "var")).absolute()
# Beside the environment it fills, wherever the data lies.
BOOT_DIR = BASE_DIR / "var" / "boot"
ENVIRONMENT = BASE_DIR / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
# Present from the first change of an environment to its last, so that an interrupted install is repaired.
UNFINISHED = ENVIRONMENT / "sextant-unfinished"
STARTED_MARK = "SEXTANT_BOOTSTRAPPED"
RUNTIME = BASE_DIR / "requirements.txt"
DEVELOPMENT = BASE_DIR / "requirements-dev.txt"
BOOT = BASE_DIR / "requirements-boot.txt"

EXIT_FAILED = 1
ERROR_CHARACTERS = 4000
EXIT_UNSUITABLE = 2


def ensure_environment(argv: Sequence[str]) -> None:
    """Return inside an environment that holds every pinned package; replaces the process to get there.

    Exits with 2 where Python is too old or pip is missing, with 1 where the installation fails.
    """
    # Where byte code is not kept, each process to come would compile its 1,300 modules again, for seconds.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if os.environ.get(STARTED_MARK) == "1":
        return
    if sys.version_info < (3, 11):  # noqa: UP036  this is the check that other Pythons meet
        found = ".".join(map(str, sys.version_info[:3]))
        stop(EXIT_UNSUITABLE, f"Sextant needs Python 3.11 or newer; this is Python {found}.")
    os.environ["SEXTANT_STARTED_AT"] = str(time.time())
    files = required_files(argv)
    inside = Path(sys.prefix).resolve() == ENVIRONMENT
    if is_current(files) if inside else holds_pinned(files):
        return
    ensure_installed(files)
    os.environ[STARTED_MARK] = "1"
    os.execv(PYTHON, [str(PYTHON), *sys.orig_argv[1:]])


def required_files(argv: Sequence[str]) -> list[Path]:
    """Return the requirements files that a command needs."""
    return [RUNTIME, DEVELOPMENT] if argv[1:2] == ["test"] else [RUNTIME]


def ensure_installed(files: Sequence[Path]) -> None:
    """Make `.venv` hold what the files pin; a second process waits for the first."""
    if is_current(files):
        return
    with exclusive():
        if not is_current(files):
            install_into_environment(files)


def is_current(files: Sequence[Path]) -> bool:
    """Tell whether `.venv` was filled, to the end, from these very files."""
    if UNFINISHED.exists() or not os.access(PYTHON, os.X_OK):
        return False
    return all(has_stamp(stamp_of(file), file) for file in files)


def holds_pinned(files: Sequence[Path]) -> bool:
    """Tell whether the running Python already holds every pinned package, as in a container image."""
    # Here, for the process that watches all others would hold the 3 MB of it and never ask.
    from importlib import metadata  # noqa: PLC0415

    pins = [pin for file in files for pin in re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text(), re.M)]
    try:
        return all(metadata.version(name) == version for name, version in pins)
    except metadata.PackageNotFoundError:
        return False


def stamp_of(file: Path) -> Path:
    """Return where the stamp of a requirements file lies."""
    return ENVIRONMENT / f"sextant-{file.stem}.sha256"


def has_stamp(stamp: Path, source: Path) -> bool:
    """Tell whether `stamp` was written for the present content of `source`."""
    try:
        return stamp.read_text() == digest(source)
    except OSError:
        return False


def digest(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the lock of the installation, so that `up` and `test` side by side install once."""
    BOOT_DIR.parent.mkdir(mode=0o700, exist_ok=True)
    BOOT_DIR.mkdir(exist_ok=True)
    with (BOOT_DIR / "install.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another start of this folder to finish installing ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install_into_environment(files: Sequence[Path]) -> None:
    """Fill `.venv` from the files and write their stamps last."""
    uv = find_uv()
    say("Installing the pinned Python packages (only when they change) ...")
    make_environment(uv)
    repair = UNFINISHED.exists()
    UNFINISHED.touch()
    install(files, uv, ["--python", str(PYTHON)], repair=repair)
    for file in files:
        stamp_of(file).write_text(digest(file))
    UNFINISHED.unlink()


def make_environment(uv: str | None) -> None:
    """Make an empty `.venv` unless a working one is there."""
    if os.access(PYTHON, os.X_OK) and succeeds([str(PYTHON), "-c", "pass"]):
        return
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    if uv and succeeds([uv, "venv", "--no-project", "--python", sys.executable, str(ENVIRONMENT)]):
        return
    run([sys.executable, "-m", "venv", "--without-pip", str(ENVIRONMENT)])


def install(files: Sequence[Path], uv: str | None, place: Sequence[str], *, repair: bool) -> None:
    """Install the files by uv, or by pip where there is no uv or it fails."""
    sources = [argument for file in files for argument in ("-r", str(file))]
    if uv:
        again = ["--reinstall"] if repair else []
        # Compiled now, and by all cores: a service that compiles while it starts keeps the memory that this
        # took, some 20 MB in all.
        options = ["--quiet", "--require-hashes", "--compile-bytecode"]
        command = [uv, "pip", "install", *options, *again, *place, *sources]
        if succeeds(command, aloud=True):
            return
        say("uv could not install the packages; trying pip ...")
    again = ["--force-reinstall"] if repair else []
    where = place if place[0] == "--python" else []
    target = [] if where else [*place, "--upgrade"]
    run([*pip(), *where, "install", "--quiet", "--require-hashes", *again, *target, *sources])


def find_uv() -> str | None:
    """Return uv from PATH or from the data folder, installing it there by pip; None if that fails."""
    on_path = shutil.which("uv")
    if on_path:
        return on_path
    own = str(BOOT_DIR / "bin" / "uv")
    if succeeds([own, "--version"]):
        return own
    if not succeeds([*pip(), "--version"]):
        stop(EXIT_UNSUITABLE, "Sextant needs pip to install its packages; install it (Debian: python3-pip).")
    say("Installing uv into the data folder ...")
    place = ["--target", str(BOOT_DIR), "--upgrade"]
    command = [*pip(), "install", "--quiet", "--require-hashes", *place, "-r", str(BOOT)]
    if succeeds(command, aloud=True):
        return own
    say("uv could not be installed; pip does the work, which takes longer ...")
    return None


def pip() -> list[str]:
    """Return the command of the running Python's pip."""
    return [sys.executable, "-m", "pip"]


def succeeds(command: Sequence[str], *, aloud: bool = False) -> bool:
    """Run a command and tell whether it ended well; `aloud` shows what a failing one said."""
    try:
        done = subprocess.run(
            command, env=installer_environ(), cwd=BASE_DIR, capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    if aloud and done.returncode != 0:
        say(done.stderr[-ERROR_CHARACTERS:].strip())
    return done.returncode == 0


def run(command: Sequence[str]) -> None:
    """Run a command; its failure ends the prelude with what it said."""
    done = subprocess.run(
        command, env=installer_environ(), cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        say(done.stdout[-ERROR_CHARACTERS:] + done.stderr[-ERROR_CHARACTERS:])
        stop(EXIT_FAILED, "Installing the packages failed.")


def installer_environ() -> dict[str, str]:
    """Return the environment in which pip, uv and npm work on a system Python, as root and without a home."""
    environ = {
        **os.environ,
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_USER": "0",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        # The machine's certificates, as pip has them; the two names belong to older and newer uv.
        "UV_NATIVE_TLS": "1",
        "UV_SYSTEM_CERTS": "1",
    }
    for name, setting in (("UV_DEFAULT_INDEX", "index-url"), ("SSL_CERT_FILE", "cert")):
        if pip_setting(setting):
            environ.setdefault(name, pip_setting(setting))
    if "SSL_CERT_FILE" in environ:
        environ.setdefault("NODE_EXTRA_CA_CERTS", environ["SSL_CERT_FILE"])
    environ["HOME"] = str(usable_home())
    return environ


def usable_home() -> Path:
    """Return the caller's home, whose package caches are warm; the data folder where there is none."""
    try:
        home = Path.home()
    except RuntimeError:
        return BOOT_DIR
    return home if os.access(home, os.W_OK) else BOOT_DIR


@functools.cache
def pip_setting(name: str) -> str:
    """Return one value of the machine's pip configuration, which uv does not read by itself."""
    listed = subprocess.run([*pip(), "config", "list"], capture_output=True, text=True, check=False)
    # The environment is listed before the files and wins over them.
    found = re.search(rf"\.{name}='(.*)'$", listed.stdout, re.M)
    return found.group(1) if found else ""


def say(text: str) -> None:
    """Tell the user what is going on, apart from the output of the command itself."""
    print(text, file=sys.stderr, flush=True)


def stop(code: int, text: str) -> NoReturn:
    """End the process with a reason."""
    say(text)
    sys.exit(code)


if __name__ == "__main__":
    ensure_installed([RUNTIME, DEVELOPMENT])
    print(PYTHON)
