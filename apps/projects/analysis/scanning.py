"""The child that reads files: SourceFile in, FileFacts out, one record after the other.

Records go to the file `facts` in the working folder, each as soon as it is there: should a file kill the
process, its parent knows which, and what was found before it.
"""

import gc
import signal
from pathlib import Path
from typing import IO, Final

import msgspec

from apps.projects.analysis.grammars import find_grammar, read_definitions
from apps.projects.analysis.marks import count_lines, find_todos, is_minified
from apps.projects.analysis.naming import better_names
from apps.projects.analysis.packages import read_package
from apps.projects.analysis.python import read_python
from apps.projects.analysis.values import FileFacts, SourceFile, clean

RECORDS: Final = "facts"
LENGTH_BYTES: Final = 4
# What one file may take. Nothing handles the signal: it ends the process also inside a parser.
FILE_CPU_S: Final = 10.0
UNREADABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


def main(stdin: IO[bytes], _stdout: IO[bytes]) -> None:
    """Read a batch."""
    # A tree has no cycles, but counting its many objects takes as long as parsing.
    gc.disable()
    batch = msgspec.msgpack.decode(stdin.read(), type=list[SourceFile])
    encoder = msgspec.msgpack.Encoder()
    with Path(RECORDS).open("ab") as records:
        for file in batch:
            signal.setitimer(signal.ITIMER_PROF, FILE_CPU_S)
            record = encoder.encode(scan(file))
            records.write(len(record).to_bytes(LENGTH_BYTES, "big") + record)
            records.flush()


def scan(file: SourceFile) -> FileFacts:
    """Return the facts of one file; what cannot be parsed says so and is counted."""
    content = file.content
    lines = count_lines(content)
    if not content.strip():
        return FileFacts(lines=lines, unscanned="empty")
    todos = find_todos(content)
    counted = FileFacts(lines=lines, todos=todos)
    try:
        return _structure(file, counted)
    except UNREADABLE:
        return msgspec.structs.replace(counted, unscanned="not_parsable")


def _structure(file: SourceFile, counted: FileFacts) -> FileFacts:
    package = read_package(file.path, file.content)
    if package is not None:
        return msgspec.structs.replace(counted, package=package)
    if file.language.lower() == "python":
        found = read_python(file.content)
        return msgspec.structs.replace(
            counted,
            docstring=found.docstring,
            definitions=found.definitions,
            imports=found.imports,
            calls=found.calls,
            entry_points=found.entry_points,
            better_names=better_names(file.content) if file.wants_names else (),
        )
    if is_minified(file.content, counted.lines):
        return msgspec.structs.replace(counted, unscanned="minified")
    grammar = find_grammar(file.language)
    if grammar is None:
        return msgspec.structs.replace(counted, unscanned="language")
    text = clean(file.content.decode("utf-8", "replace"))
    return msgspec.structs.replace(counted, definitions=read_definitions(text, grammar))
