"""Part files: where the bytes of a remote file gather on this machine while they arrive."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings

from apps.common.db import JobStatus
from apps.datasets.models import Import

# A transfer may take half an hour, and touches its file with every piece that comes.
GRACE: Final = timedelta(hours=1)
NAME: Final = re.compile(r"import-([0-9a-f]{32})\.part")


@contextmanager
def part_file(import_id: uuid.UUID) -> Iterator[Path]:
    """Yield where the bytes of an import gather; nothing stays there unless the process is killed."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"import-{import_id.hex}.part"
    try:
        yield target
    finally:
        target.unlink(missing_ok=True)


def lost_parts(now: datetime) -> list[Path]:
    """Return the part files of this machine whose fetch was killed, an hour after their last byte.

    An import that is claimed again on the same machine writes its file anew; on another it leaves this one.
    """
    limit_s = (now - GRACE).timestamp()
    old = [path for path in _folder().glob("*.part") if _written_at(path) < limit_s]
    named = {path: found[1] for path in old if (found := NAME.fullmatch(path.name))}
    running = Import.objects.filter(pk__in=named.values(), status=JobStatus.RUNNING)
    living = {pk.hex for pk in running.values_list("pk", flat=True)}
    return sorted(path for path, number in named.items() if number not in living)


def drop_lost_parts(now: datetime) -> int:
    """Delete the part files that killed workers left on this machine; returns how many."""
    lost = lost_parts(now)
    for path in lost:
        path.unlink(missing_ok=True)
    return len(lost)


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "fetching"


def _written_at(path: Path) -> float:
    """Return when a file was last written to, in seconds since 1970; in the future if it is gone by now."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
