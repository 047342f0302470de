"""rope: no folder of its own, no preferences of the repository."""

from pathlib import Path
from typing import IO, Any

from rope.base.evaluate import ScopeNameFinder
from rope.base.project import Project
from rope.refactor.occurrences import same_pyname, unsure_pyname

from apps.projects.renaming.engines.pointing import answer, roots_of
from apps.projects.renaming.engines.refusing import refuse_code_of
from apps.projects.renaming.wire import Pointed, Spot

PREFERENCES: dict[str, Any] = {
    "save_objectdb": False,
    "automatic_soa": False,
    "perform_doa": False,
    "save_history": False,
    "validate_objectdb": False,
    "import_dynload_stdmods": False,
    "extension_modules": [],
    "ignore_syntax_errors": True,
    "ignore_bad_imports": True,
}


def main(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Answer one request for the folder we are in; nothing of it runs."""
    refuse_code_of(Path.cwd())
    respond(stdin, stdout)


def respond(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Answer one request."""
    projects: list[Project] = []
    expected: list[Any] = []

    def open_file(pointed: Pointed, path: str) -> "RopeFile":
        if not projects:
            projects.append(project_of(pointed))
            expected.extend(named(projects[0], spot) for spot in pointed.definitions)
        return RopeFile(projects[0], path, expected)

    answer(stdin, stdout, open_file)


def project_of(pointed: Pointed) -> Project:
    """Return a project of the folder we are in."""
    folders = [root.as_posix() for root in roots_of(pointed)]
    return Project(".", ropefolder=None, source_folders=folders, **PREFERENCES)


def named(project: Project, spot: Spot) -> Any:
    """Return what rope calls the thing at a definition; None where it does not know."""
    try:
        return RopeFile(project, spot.path, []).name_at(spot)
    except Exception:  # rope raises whatever it meets; a definition that it cannot read stays out
        return None


class RopeFile:
    """A file that rope has read."""

    def __init__(self, project: Project, path: str, expected: list[Any]) -> None:
        self.expected = expected
        self.module = project.get_pymodule(project.get_resource(path))
        self.finder = ScopeNameFinder(self.module)

    def name_at(self, spot: Spot) -> Any:
        """Return what rope calls the thing at a spot."""
        offset = self.module.lines.get_line_start(spot.line) + spot.column - 1
        return self.finder.get_pyname_at(offset)

    def means(self, spot: Spot) -> bool | None:
        """Compare with each definition."""
        found = self.name_at(spot)
        if any(same_pyname(item, found) for item in self.expected):
            return True
        return None if unsure_pyname(found) else False
