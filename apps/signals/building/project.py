"""The dbt project of the platform, and how dbt is called on it."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings

from apps.common.errors import Unavailable

PROJECT: Final = Path(__file__).resolve().parent.parent / "dbt"
# Where the installation of dbt-core puts its script: beside the interpreter that runs us.
EXECUTABLE: Final = Path(sys.executable).with_name("dbt")
PARSED: Final = "partial_parse.msgpack"
# Nothing is sent and nothing is asked for over the network.
QUIET: Final = (
    "--no-send-anonymous-usage-stats",
    "--no-upload-to-artifacts-ingest-api",
    "--no-use-colors",
    "--log-format",
    "json",
    "--log-level-file",
    "none",
)


class DbtMissing(Unavailable):
    """dbt is not installed where the platform runs."""

    code = "signals.dbt_missing"


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folders of a prefix's builds: what one of them writes, and what is kept for the next."""

    folder: Path

    @property
    def target(self) -> Path:
        """Return the folder that dbt writes its artifacts to."""
        return self.folder / "target"

    @property
    def logs(self) -> Path:
        """Return the folder of dbt's logs."""
        return self.folder / "logs"

    @property
    def kept_parse(self) -> Path:
        """Return where the parsed project of the last good build is kept."""
        return self.folder / PARSED

    def clear(self) -> None:
        """Make the folders, and leave nothing of a former build in the target."""
        shutil.rmtree(self.target, ignore_errors=True)
        self.target.mkdir(parents=True)
        self.logs.mkdir(parents=True, exist_ok=True)

    def keep_parse(self) -> None:
        """Keep the parsed project for the next build."""
        parsed = self.target / PARSED
        if parsed.exists():
            fresh = self.kept_parse.with_suffix(".new")
            shutil.copyfile(parsed, fresh)
            fresh.replace(self.kept_parse)


def workplace(schema: str) -> Workplace:
    """Return the folders of a prefix under VAR_DIR."""
    return Workplace(Path(settings.VAR_DIR) / "signals" / "dbt" / schema)


def dbt_command() -> list[str]:
    """Return how dbt is started; raises DbtMissing."""
    if not EXECUTABLE.is_file():
        raise DbtMissing
    return [str(EXECUTABLE)]


def build_arguments(
    place: Workplace, *, run_ids: Sequence[UUID], select: str, full_refresh: bool, with_kept_parse: bool
) -> list[str]:
    """Return the arguments of `dbt build` for some runs."""
    arguments = [
        "build",
        *QUIET,
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", str(place.target), "--log-path", str(place.logs)),
        *("--vars", json.dumps({"run_ids": [str(run_id) for run_id in run_ids]})),
    ]
    if with_kept_parse and place.kept_parse.exists():
        arguments += ["--partial-parse-file-path", str(place.kept_parse)]
    if not with_kept_parse:
        arguments.append("--no-partial-parse")
    if select:
        arguments += ["--select", *select.split()]
    if full_refresh:
        arguments.append("--full-refresh")
    return arguments
