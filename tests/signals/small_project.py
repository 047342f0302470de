"""A dbt project that is built in seconds: the platform's own, with one staging view and what a test adds."""

import shutil
import stat
from pathlib import Path
from typing import Final

from tests.signals.databases import APP

DBT: Final = APP / "dbt"
VIEW: Final = "models/staging/stg_nodes.sql"
SOURCES: Final = "models/staging/sources.yml"


def copy_project(folder: Path, *, whole: bool = False) -> Path:
    """Copy the project to a folder: whole, or with the view alone."""
    shutil.copytree(DBT, folder, ignore=shutil.ignore_patterns("target", "logs"))
    if not whole:
        for name in ("seeds", "tests", "models"):
            shutil.rmtree(folder / name)
        add(folder, VIEW, (DBT / VIEW).read_text())
        add(folder, SOURCES, (DBT / SOURCES).read_text())
        shutil.copytree(DBT / "tests" / "generic", folder / "tests" / "generic")
    return folder


def add(folder: Path, path: str, text: str) -> None:
    """Write a file of the project."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def add_test(folder: Path, *, severity: str) -> None:
    """Let every node fail a test, as a warning or as an error."""
    statement = "select run_id from {{ ref('stg_nodes') }} where {{ in_runs() }}"
    add(folder, "tests/no_node_is_good.sql", f"{{{{ config(severity='{severity}') }}}}\n{statement}\n")


def script(path: Path, text: str) -> Path:
    """Write an executable in place of dbt."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
