"""jedi: static, in this process, no compiled module of the repository."""

from pathlib import Path
from typing import IO

import jedi
from jedi.api.environment import InterpreterEnvironment

from apps.projects.renaming.engines.pointing import answer, text_of
from apps.projects.renaming.wire import Pointed, Spot


def main(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Answer one request for the folder we are in."""
    # Its pickles stay in the folder, which goes with the process.
    jedi.settings.cache_directory = str(Path.cwd() / ".cache")
    project = jedi.Project(Path.cwd(), load_unsafe_extensions=False, smart_sys_path=True)
    environment = InterpreterEnvironment()
    answer(stdin, stdout, lambda pointed, path: JediFile(pointed, path, project, environment))


class JediFile:
    """A file that jedi has read."""

    def __init__(
        self, pointed: Pointed, path: str, project: jedi.Project, environment: InterpreterEnvironment
    ) -> None:
        self.definitions = {(spot.path, spot.line, spot.column) for spot in pointed.definitions}
        self.root = Path.cwd()
        self.script = jedi.Script(
            text_of(path), path=self.root / path, project=project, environment=environment
        )

    def means(self, spot: Spot) -> bool | None:
        """Follow the name to its definitions: all must be the symbol's."""
        found = self.script.goto(spot.line, spot.column - 1, follow_imports=True)
        places = {
            (name.module_path.relative_to(self.root).as_posix(), name.line, name.column + 1)
            if name.module_path is not None and name.module_path.is_relative_to(self.root)
            else ("", 0, 0)
            for name in found
        }
        if not places & self.definitions:
            return False
        return True if places <= self.definitions else None
