"""Calls of git that reach another host: what it has, and fetching it (projects.md section 3, Process).

Each call runs under limits in a process group of its own, which dies with it, with the worker, and whenever
`beat` raises. Secrets go through a pipe: no argument, environment, address or file ever holds one.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from apps.projects.git.addresses import PinnedRemote
from apps.projects.git.failures import (
    GitStopped,
    GitTooSlow,
    RepoTooLarge,
    RepoUnreachable,
    classify,
    scrub,
)
from apps.projects.git.processes import command_line, environment, kill_group

LAUNCHER: Final = Path(__file__).with_name("limited.py")
ASKPASS: Final = Path(__file__).with_name("askpass.sh")
MEMORY_BYTES: Final = 4 * 1024**3
CPU_S: Final = 1_800
OPEN_FILES: Final = 256
NICE: Final = 10
LOOK_EVERY_S: Final = 1.0
LISTING_MAX_BYTES: Final = 64 * 1024**2
LISTING_TIMEOUT_S: Final = 60.0
# git keeps all refs that it is told of, also those of namespaces that it did not ask for.
LISTING_MEMORY_BYTES: Final = 1024**3
REFS_MAX: Final = 20_000
SAID_MAX_BYTES: Final = 16_384
NAMESPACES: Final = ("heads/", "tags/")

# What old programs wrote without harm, and what concerns only those who check out or follow submodules.
TOLERATED: Final = (
    "badEmail", "badName", "badTimezone", "badDateOverflow", "missingEmail", "missingNameBeforeEmail",
    "missingSpaceBeforeDate", "missingSpaceBeforeEmail", "zeroPaddedDate", "zeroPaddedFilemode",
    "gitmodulesBlob", "gitmodulesLarge", "gitmodulesMissing", "gitmodulesName", "gitmodulesParse",
    "gitmodulesPath", "gitmodulesSymlink", "gitmodulesUpdate", "gitmodulesUrl",
)  # fmt: skip
SETTINGS: Final = (
    "transfer.fsckObjects=true",
    *(f"fetch.fsck.{name}=ignore" for name in TOLERATED),
    # Always a pack: one file instead of hundreds, and nothing but packs to remove after a refusal.
    "fetch.unpackLimit=1",
    "fetch.writeCommitGraph=false",
)

Beat = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Login:
    """Who git says it is, if it is asked; neither holds a line end."""

    username: str
    secret: bytes

    @property
    def lines(self) -> bytes:
        """Return what the askpass program reads, in the order in which git asks."""
        return self.username.encode() + b"\n" + self.secret + b"\n"


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """What a remote has: `default_branch` (empty if HEAD names none), target ids by name below `refs/`."""

    default_branch: bytes
    targets: Mapping[bytes, str] = field(default_factory=dict)


def list_refs(pinned: PinnedRemote, login: Login | None, *, beat: Beat) -> RemoteRefs:
    """Return HEAD, branches and tags of a remote, nothing of other namespaces.

    Raises RemoteFailed and its kinds; RepoTooLarge beyond REFS_MAX.
    """
    with tempfile.TemporaryFile() as listing:
        call = Call(
            pinned,
            login,
            wall_s=LISTING_TIMEOUT_S,
            file_bytes=LISTING_MAX_BYTES,
            memory_bytes=LISTING_MEMORY_BYTES,
        )
        try:
            call.run(None, ("ls-remote", "--symref", "--", pinned.url), output=listing, beat=beat)
        except GitTooSlow as error:
            # Like a host that never answers: there is nothing yet for which more time would do.
            raise RepoUnreachable(cause=error.cause) from error
        listing.seek(0)
        return parse_listing(listing)


def parse_listing(lines: IO[bytes]) -> RemoteRefs:
    """Return what `ls-remote --symref` wrote; raises RepoTooLarge."""
    default_branch, targets = b"", {}
    for line in lines:
        target, _, name = line.rstrip(b"\n").partition(b"\t")
        if name == b"HEAD" and target.startswith(b"ref: refs/heads/"):
            default_branch = target.removeprefix(b"ref: refs/heads/")
        short = name.removeprefix(b"refs/")
        if name == short or name.endswith(b"^{}") or not short.startswith((b"heads/", b"tags/")):
            continue
        targets[short] = target.decode("ascii", "replace")
        if len(targets) > REFS_MAX:
            raise RepoTooLarge(f"The repository has more than {REFS_MAX:,} branches and tags.")
    return RemoteRefs(default_branch, targets)


def fetch_snapshot(
    pinned: PinnedRemote,
    login: Login | None,
    *,
    repository: Path,
    below: str,
    max_bytes: int,
    wall_s: float,
    beat: Beat,
    meanwhile: Callable[[Beat], None] | None = None,
) -> None:
    """Fetch branches and tags to refs `below`; the repository may grow to `max_bytes` and no further.

    `meanwhile` is called once git has begun, with what is to be called each second until it is done; what it
    raises ends git. Raises RemoteFailed and its kinds.
    """
    call = Call(pinned, login, wall_s=wall_s, file_bytes=max_bytes)
    refspecs = [f"+refs/{name}*:{below}/{name}*" for name in NAMESPACES]
    options = (
        "--atomic",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-show-forced-updates",
        "--update-shallow",
        "--quiet",
    )

    def look() -> None:
        if folder_bytes(repository) > max_bytes:
            raise RepoTooLarge
        beat()

    arguments = ("fetch", *options, "--", pinned.url, *refspecs)
    try:
        call.run(repository, arguments, output=subprocess.DEVNULL, beat=look, meanwhile=meanwhile)
    except GitStopped as error:
        # A file at its limit ends git without a word that says so.
        if any(path.stat().st_size >= max_bytes for path in repository.glob("objects/pack/tmp_*")):
            raise RepoTooLarge(cause=error.cause) from error
        raise


@dataclass(frozen=True, slots=True)
class Call:
    """One call of git to a remote, and what it may take: wall time in seconds, size of a file, memory."""

    pinned: PinnedRemote
    login: Login | None
    wall_s: float
    file_bytes: int
    memory_bytes: int = MEMORY_BYTES

    def run(
        self,
        repository: Path | None,
        arguments: tuple[str, ...],
        *,
        output: Any,
        beat: Beat,
        meanwhile: Callable[[Beat], None] | None = None,
    ) -> None:
        """Run git to its end. `beat`, called each second, and `meanwhile` may raise, which ends git."""
        deadline_s = time.monotonic() + self.wall_s
        with self._start(repository, arguments, output) as started:
            if meanwhile is not None:
                meanwhile(beat)
            self._wait(started, beat, deadline_s)
        if started.process.returncode != 0:
            secrets = (self.login.secret,) if self.login else ()
            raise classify(scrub(bytes(started.said), secrets), exit_code=started.process.returncode)

    def _wait(self, started: "Started", beat: Beat, deadline_s: float) -> None:
        while not started.has_ended(LOOK_EVERY_S):
            beat()
            if time.monotonic() > deadline_s:
                raise GitTooSlow(cause=f"git took longer than {self.wall_s:.0f} s")

    @contextmanager
    def _start(self, repository: Path | None, arguments: tuple[str, ...], output: Any) -> Iterator["Started"]:
        git = command_line(repository, arguments, (*SETTINGS, *self.pinned.settings))
        with _secret_pipe(self.login) as secret:
            process = subprocess.Popen(
                [*self._limits(secret), *git],
                env=environment(
                    {"GIT_ALLOW_PROTOCOL": self.pinned.remote.scheme, "GIT_ASKPASS": str(ASKPASS)}
                ),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=(secret,) if secret >= 0 else (),
            )
        started = Started(process)
        try:
            yield started
        finally:
            kill_group(process)
            started.reader.join()
            assert process.stderr is not None  # noqa: S101 - asked for above
            process.stderr.close()

    def _limits(self, secret: int) -> list[str]:
        numbers = (os.getpid(), secret, self.memory_bytes, CPU_S, self.file_bytes, OPEN_FILES, NICE)
        return [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, numbers)]


class Started:
    """A running git, and the end of what it says."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.said = bytearray()
        self.reader = threading.Thread(target=_keep_end, args=(process.stderr, self.said), daemon=True)
        self.reader.start()

    def has_ended(self, wait_s: float) -> bool:
        """Tell whether git ends within a time; returns as soon as it does.

        Waiting for the process itself would look at ever longer intervals, up to 50 ms too late. It falls
        silent for good just before its end; only what outlives it may still hold the stream.
        """
        self.reader.join(wait_s)
        if self.reader.is_alive():
            return self.process.poll() is not None
        try:
            self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def folder_bytes(folder: Path) -> int:
    """Return what the files below a folder take; those that go meanwhile do not count."""
    total = 0
    for place, _folders, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(place) / name).lstat().st_size
    return total


@contextmanager
def _secret_pipe(login: Login | None) -> Iterator[int]:
    """Give a descriptor to read the login from, -1 without one; closed in this process at the end."""
    if login is None:
        yield -1
        return
    reading, writing = os.pipe()
    try:
        # Far less than a pipe holds, so nobody waits.
        os.write(writing, login.lines)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _keep_end(stream: IO[bytes], said: bytearray) -> None:
    """Read a stream to its end and keep the last of it."""
    while piece := os.read(stream.fileno(), SAID_MAX_BYTES):
        said += piece
        del said[:-SAID_MAX_BYTES]
