"""jedi: static, in this process, no compiled module of the repository."""

import sys
import sysconfig
from pathlib import Path
from typing import IO, Final

import jedi
from jedi.api.environment import InterpreterEnvironment

from apps.projects.renaming.engines.pointing import answer, roots_of, text_of
from apps.projects.renaming.engines.refusing import refuse_code_of
from apps.projects.renaming.wire import Pointed, Spot

STDLIB: Final = sysconfig.get_path("stdlib")


def main(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Answer one request for the folder we are in; nothing of it runs."""
    refuse_code_of(Path.cwd())
    respond(stdin, stdout)


def respond(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Answer one request."""
    # Its pickles stay in the folder, which goes with the process.
    jedi.settings.cache_directory = str(Path.cwd() / ".cache")
    environment = InterpreterEnvironment()
    projects: list[jedi.Project] = []

    def open_file(pointed: Pointed, path: str) -> "JediFile":
        if not projects:
            projects.append(project_of(pointed))
        return JediFile(pointed, path, projects[0], environment)

    answer(stdin, stdout, open_file)


def project_of(pointed: Pointed) -> jedi.Project:
    """Return a project of the folder we are in."""
    here = Path.cwd()
    # The standard library and the folder: what is installed beside Sextant says nothing of the sources.
    paths = [path for path in sys.path if Path(path).is_relative_to(STDLIB) and "site-packages" not in path]
    roots = [str(here), *(str(here / root) for root in roots_of(pointed))]
    return jedi.Project(here, sys_path=[*roots, *paths], load_unsafe_extensions=False, smart_sys_path=True)


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
