"""What the commands of projects have in common: which project is meant, and answers as text or JSON."""

import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from django.core.management.base import CommandError, OutputWrapper

from apps.projects.models import Project

FAILED: Final = 1
NO_SUCH: Final = 2


def project_named(named: str) -> Project:
    """Return the living project of an id, or of a name that only one has; ends the command with 2."""
    living = Project.objects.living().select_related("organization", "mirror")
    try:
        rows = living.filter(pk=uuid.UUID(named))
    except ValueError:
        rows = living.filter(name__iexact=named)
    found = list(rows[:2])
    if len(found) == 1:
        return found[0]
    raise CommandError(
        f"{named} names several projects; say the id." if found else f"There is no project {named}.",
        returncode=NO_SUCH,
    )


def report(stdout: OutputWrapper, rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print rows, one a line: as JSON, or as words."""
    for row in rows:
        stdout.write(json.dumps(row) if as_json else "  ".join(str(value) for value in row.values() if value))


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    sys.exit(code)
