"""System checks of the settings of signals."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's own name


def check_runs_root(**_: Any) -> list[CheckMessage]:
    """Require a folder of this machine for runs."""
    if "://" not in settings.RUNS_ROOT:
        return []
    return [
        Error(
            f"RUNS_ROOT is {settings.RUNS_ROOT.partition('://')[0]}://...: runs are read from folders alone.",
            hint="Mount the bucket and name the folder, or copy runs into one.",
            id="sextant.E009",
        )
    ]


def check_taxonomy_path(**_: Any) -> list[CheckMessage]:
    """Tell that the bundle for runs without one of their own is not there."""
    names = ("metadata_bundle.json", "metadata_bundle.yaml")
    if not settings.TAXONOMY_PATH or any((Path(settings.TAXONOMY_PATH) / name).is_file() for name in names):
        return []
    return [
        Warning(
            "TAXONOMY_PATH holds no metadata bundle.",
            hint="Put metadata_bundle.json or metadata_bundle.yaml there, or unset it.",
            id="sextant.W002",
        )
    ]


def register_checks() -> None:
    """Register every check of signals."""
    for check in (check_runs_root, check_taxonomy_path):
        register(check)
