"""Real repositories, made commit by commit; the remotes of the tests."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

START_S: Final = 1_767_225_600  # 2026-01-01T00:00:00Z
ENVIRONMENT: Final = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


@dataclass(frozen=True, slots=True)
class Blob:
    """An entry that is no plain file: `120000` for a link, `100755` for a program, `160000` for a submodule.

    The content of a submodule is the id of its commit.
    """

    content: bytes
    mode: str = "100644"


class Repository:
    """A bare repository on disk; every commit is made by `git fast-import`, so ids are reproducible."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seconds = START_S
        self.git("init", "-q", "--bare", "--initial-branch=main", str(folder), in_repository=False)

    def git(self, *arguments: str, stdin: bytes = b"", in_repository: bool = True) -> str:
        """Return what git writes, without the last line end; raises CalledProcessError."""
        place = ["--git-dir", str(self.folder)] if in_repository else []
        done = subprocess.run(
            ["git", *place, *arguments], input=stdin, env=ENVIRONMENT, check=True, capture_output=True
        )
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def commit(
        self,
        files: Mapping[str | bytes, str | bytes | Blob | None],
        *,
        branch: str = "main",
        message: str = "Change",
        is_root: bool = False,
    ) -> str:
        """Add one commit to a branch, with files changed (None: removed); return its id.

        `is_root` starts the branch anew, without a parent: a force-push of an unrelated history.
        """
        self._seconds += 60
        ref = f"refs/heads/{branch}"
        stream = [
            f"commit {ref}\ncommitter Ada <ada@example.com> {self._seconds} +0000\n".encode(),
            _data(message.encode()),
        ]
        before = "" if is_root else self.tip(branch)
        if before:
            stream.append(f"from {before}\n".encode())
        elif is_root:
            stream.insert(0, f"reset {ref}\n\n".encode())
        for path, content in files.items():
            stream.append(_change(path, content))
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(stream))
        return self.tip(branch)

    def tip(self, branch: str) -> str:
        """Return the commit of a branch, empty if there is no such branch."""
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")


def _change(path: str | bytes, content: str | bytes | Blob | None) -> bytes:
    name = path.encode() if isinstance(path, str) else path
    quoted = b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
    if content is None:
        return b"D " + quoted + b"\n"
    if isinstance(content, Blob) and content.mode == "160000":
        return b"M 160000 " + content.content + b" " + quoted + b"\n"
    blob = (
        content
        if isinstance(content, Blob)
        else Blob(content.encode() if isinstance(content, str) else content)
    )
    return f"M {blob.mode} inline ".encode() + quoted + b"\n" + _data(blob.content)


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"
