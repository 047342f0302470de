"""What files of packaging tools declare: names, dependencies, scripts."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from apps.projects.analysis.values import Package, clean

DEPENDENCIES_MAX: Final = 500
NAME: Final = re.compile(r"[A-Za-z0-9@][A-Za-z0-9@/._-]{0,200}")


def read_package(path: str, content: bytes) -> Package | None:
    """Return what a file declares if it is one of a packaging tool; raises ValueError, RecursionError."""
    match path.rpartition("/")[2]:
        case "pyproject.toml":
            return _pyproject(tomllib.loads(content.decode("utf-8")))
        case "package.json":
            return _node(json.loads(content))
        case "requirements.txt":
            lines = content.decode("utf-8", "replace").splitlines()
            return Package(name="", dependencies=_names(lines))
    return None


def _pyproject(document: Mapping[str, Any]) -> Package:
    project = _table(document, "project")
    dependencies = project.get("dependencies")
    scripts = _table(project, "scripts") | _table(project, "gui-scripts")
    return Package(
        name=clean(str(project.get("name", ""))[:200]),
        dependencies=_names(dependencies if isinstance(dependencies, list) else []),
        scripts=_names(scripts),
    )


def _node(document: Any) -> Package | None:
    if not isinstance(document, dict):
        return None
    dependencies = _table(document, "dependencies") | _table(document, "devDependencies")
    return Package(
        name=clean(str(document.get("name", ""))[:200]),
        dependencies=_names(dependencies),
        scripts=_names(_table(document, "bin") | _table(document, "scripts")),
    )


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _names(texts: Any) -> tuple[str, ...]:
    """Return the names with which requirements begin, each once, in alphabetical order."""
    matches = [NAME.match(text) for text in texts if isinstance(text, str)]
    return tuple(sorted({match[0] for match in matches if match})[:DEPENDENCIES_MAX])
