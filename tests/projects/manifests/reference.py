"""A manifest's entries, written a second time from `git ls-tree` and `git cat-file` alone."""

import hashlib
import re
import subprocess
from typing import Any
from urllib.parse import quote_from_bytes

import rfc8785

from tests.projects.repositories import ENVIRONMENT, Repository

LANGUAGES = {b"py": "Python", b"md": "Markdown", b"txt": "Text", b"sh": "Shell"}
POINTER = re.compile(rb"version https://git-lfs.github.com/spec/v1\noid sha256:[0-9a-f]{64}\nsize \d+\n")

DEFINITION = re.compile(r"(?m)^([ \t]*)(?:async[ \t]+)?(def|class)[ \t]+([A-Za-z_]\w*)", re.ASCII)


def reference_lines(repository: Repository, commit: str) -> bytes:
    """Return the entry lines of a commit's manifest."""
    listed = repository.git("ls-tree", "-r", "-z", commit).encode("utf-8", "surrogateescape")
    entries = [line.partition(b"\t") for line in listed.split(b"\0") if line]
    lines = []
    for head, _, path in sorted(entries, key=lambda entry: entry[2]):
        mode, kind, blob = head.decode().split()
        content = blob_of(repository, blob) if kind == "blob" else None
        lines.append(rfc8785.dumps(fields_of(path, mode, blob, content)) + b"\n")
    return b"".join(lines)


def blob_of(repository: Repository, blob: str) -> bytes:
    command = ["git", "--git-dir", str(repository.folder), "cat-file", "blob", blob]
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True).stdout


def fields_of(path: bytes, mode: str, blob: str, content: bytes | None) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = {"path": path.decode()}
    except UnicodeDecodeError:
        fields = {"path_bytes": quote_from_bytes(path)}
    kind = {"100755": "exec", "120000": "symlink", "160000": "submodule"}.get(mode, "file")
    is_pointer = content is not None and POINTER.fullmatch(content) and kind in {"file", "exec"}
    fields |= {"mode": mode, "kind": "lfs" if is_pointer else kind, "blob": blob}
    if content is not None:
        fields |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if content is not None and fields["kind"] in {"file", "exec"}:
        fields |= text_fields(path, content)
    return fields


def text_fields(path: bytes, content: bytes) -> dict[str, Any]:
    language = LANGUAGES.get(path.rpartition(b"/")[2].rpartition(b".")[2]) if b"." in path else None
    fields: dict[str, Any] = {"language": language} if language else {}
    mark = {b"\xff\xfe": "utf-16le", b"\xfe\xff": "utf-16be"}.get(content[:2])
    if b"\0" in content[:8000] and not mark:
        return fields | {"binary": True}
    encoding = encoding_of(content, mark)
    text = content.decode("latin-1" if encoding == "unknown-8bit" else encoding).removeprefix("\ufeff")
    ends = re.findall("\r\n|\r|\n", text)
    kinds = {{"\r\n": "crlf", "\r": "cr", "\n": "lf"}[end] for end in ends}
    fields["encoding"] = encoding
    fields["eol"] = kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "none"
    fields["lines"] = len(ends) + (1 if text and text[-1] not in "\r\n" else 0)
    found = DEFINITION.findall(text.replace("\r", "\n"))
    if language == "Python" and found:
        listed = "".join(f"{kind}\t{name}\t{len(indent)}\n" for indent, kind, name in found)
        fields["symbols"] = hashlib.sha256(listed.encode()).hexdigest()
    return fields


def encoding_of(content: bytes, mark: str | None) -> str:
    for encoding in [mark] if mark else ["ascii", "utf-8"]:
        try:
            content.decode(str(encoding))
        except UnicodeDecodeError:
            continue
        return str(encoding)
    return "unknown-8bit"
