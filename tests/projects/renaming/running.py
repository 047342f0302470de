"""Analyse small programs in this process, apply what is certain, and run them with the interpreter.

The analysis is the real one, step by step; only that its parts do not each start a process of their own. That
they do so in the product is what `test_isolation` looks at.
"""

import gc
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import msgspec

from apps.projects.renaming.analysing import conclude, sort_heard
from apps.projects.renaming.engines import jedi_child, rope_child
from apps.projects.renaming.exporting import exported
from apps.projects.renaming.naming import vetted_name
from apps.projects.renaming.selecting import Selected, select_files
from apps.projects.renaming.semantic import Heard, pointed_at, python_texts, question_of, raise_symbol_error
from apps.projects.renaming.surveying import survey
from apps.projects.renaming.values import Analysis, Place, SourceFile, Sources, Wish
from apps.projects.renaming.wire import Listed, Spot
from apps.projects.renaming.writing import apply_edits
from apps.projects.states import Bucket, RenameKind, RenameMode

Engines = Mapping[str, Listed]


def sources_of(files: Mapping[str, str | bytes], encoding: str = "utf-8") -> list[SourceFile]:
    """Return files as an analysis takes them; text that begins with `->` is a symbolic link."""
    found = []
    for path, text in files.items():
        content = text if isinstance(text, bytes) else text.encode()
        mode = "120000" if content.startswith(b"->") else "100644"
        blob = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        found.append(SourceFile(path.encode(), blob, mode, content, encoding, "Python"))
    return found


def place_of(files: Mapping[str, str | bytes], at: tuple[str, str]) -> Place:
    """Return the place of `|` in a snippet of a file."""
    path, snippet = at
    content = files[path]
    text = content.decode("latin-1").removeprefix("\xef\xbb\xbf") if isinstance(content, bytes) else content
    index = text.index(snippet.replace("|", "")) + snippet.index("|")
    before = text[:index].replace("\r\n", "\n")
    return Place(path, before.count("\n") + 1, len(before) - before.rfind("\n"))


def wish_for(place: Place | str, new: str, kind: str = "symbol") -> Wish:
    """Return a wish by place or by dotted name."""
    if isinstance(place, str):
        return Wish(RenameKind(kind), RenameMode.SEMANTIC, new, qualified_name=place)
    return Wish(RenameKind(kind), RenameMode.SEMANTIC, new, place=place)


@dataclass(frozen=True)
class Asked:
    """One wish, and what was said of it."""

    wish: Wish
    name: str
    selected: Selected
    heard: Heard

    def written(self) -> list[Spot]:
        """Return every place where the name is written, whatever it means there."""
        survey = self.heard.survey
        sites = [Spot(item.path, item.line, item.column) for item in survey.sites]
        return sites + [Spot(item.path, item.line, item.column) for item in survey.left]

    def claimed(self) -> Analysis:
        """Conclude as if both engines claimed every place: nothing but our own view decides."""
        every = Listed(self.written())
        return self.analysis(lambda engines: {"rope": every, "jedi": every})

    def analysis(self, alter: Callable[[Engines], Engines] | None = None) -> Analysis:
        """Conclude; `alter` may change what the engines say."""
        engines = self.heard.engines if alter is None else alter(self.heard.engines)
        return conclude(sort_heard(self.wish, replace(self.heard, engines=engines)), self.name, self.selected)


def ask_scopes(wish: Wish, sources: Sources) -> Asked:
    """Ask our own view alone, in this process; no engine lists anything."""
    name = vetted_name(wish.new_name)
    selected = select_files(sources, (), ())
    try:
        found = survey(question_of(wish, name, selected))
    finally:
        gc.enable()
    raise_symbol_error(found)
    return Asked(wish, name, selected, Heard(found, {}))


def ask_here(wish: Wish, sources: Sources) -> Asked:
    """Ask in this process, the engines as well."""
    asked = ask_scopes(wish, sources)
    question = question_of(wish, asked.name, asked.selected)
    pointed = pointed_at(question.old, asked.heard.survey, 60.0)
    engines = heard_of(pointed, python_texts(question, asked.selected))
    return replace(asked, heard=replace(asked.heard, engines=engines))


def analysed(wish: Wish, sources: Sources) -> Analysis:
    """Analyse in this process."""
    return ask_here(wish, sources).analysis()


def heard_of(pointed: object, texts: Mapping[str, object]) -> Engines:
    """Ask both engines in an exported folder."""
    before = Path.cwd()
    with exported(texts) as folder:  # type: ignore[arg-type]
        os.chdir(folder)
        try:
            content = msgspec.json.encode(pointed)
            return {
                "jedi": asked(jedi_child.respond, content),
                "rope": asked(rope_child.respond, content),
            }
        finally:
            os.chdir(before)


def asked(main: Callable[[IO[bytes], IO[bytes]], None], content: bytes) -> Listed:
    """Call an engine's main in this process, which keeps its garbage collector."""
    output = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            main(io.BytesIO(content), output)
    finally:
        gc.enable()
    return msgspec.json.decode(output.getvalue(), type=Listed)


def contents_after(analysis: Analysis, sources: Sources) -> dict[str, bytes]:
    """Return all files with what is ticked applied, each at its new path."""
    contents = {source.path.decode(): source.content for source in sources}
    for file in analysis.files:
        content = contents.pop(file.path.decode())
        edits = [edit for edit in file.edits if edit.selected]
        moved = file.new_path.decode() or file.path.decode()
        contents[moved] = apply_edits(content, edits, file.encoding)
    return contents


def printed(files: Mapping[str, bytes]) -> str:
    """Run `main.py` of the files and return what it prints, or the last line of what it says of its end."""
    with tempfile.TemporaryDirectory() as name:
        for path, content in files.items():
            place = Path(name, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            if content.startswith(b"->"):
                place.symlink_to(content[2:].strip().decode())
            else:
                place.write_bytes(content)
        command = [sys.executable, "-S", "-B", "-W", "ignore", "main.py"]
        done = subprocess.run(
            command, cwd=name, env={}, capture_output=True, text=True, check=False, timeout=20
        )
    return done.stdout.rstrip("\n") if done.returncode == 0 else done.stderr.strip().rpartition("\n")[2]


def edits_of(analysis: Analysis, bucket: Bucket) -> list[tuple[str, int, int]]:
    """Return the places of a bucket."""
    return [
        (file.path.decode(), edit.line, edit.column)
        for file in analysis.files
        for edit in file.edits
        if edit.bucket == bucket
    ]


def is_silent_breakage(analysis: Analysis, sources: Sources, output: str) -> bool:
    """Tell whether what is ticked changes the program though nothing says that something is left to do."""
    if edits_of(analysis, Bucket.UNSURE) or analysis.conflicts or analysis.unscanned:
        return False
    return printed(contents_after(analysis, sources)) != output
