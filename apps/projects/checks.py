"""System checks of mirrors: remotes that are for tests alone, and how old git is."""

import re
import subprocess
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name

from apps.projects.errors import GitMissing
from apps.projects.git.processes import find_git

OLDEST: Final = (2, 39)
# The security releases of July 2025, by line of releases; every line after the last has them.
FIXED: Final = {
    (2, 43): 7, (2, 44): 4, (2, 45): 4, (2, 46): 4, (2, 47): 3, (2, 48): 2, (2, 49): 1, (2, 50): 1,
}  # fmt: skip
VERSION: Final = re.compile(r"git version (\d+)\.(\d+)(?:\.(\d+))?")
ASK_TIMEOUT_S: Final = 5.0


def check_test_remotes(**_: Any) -> list[CheckMessage]:
    """Refuse remotes without encryption and on this machine anywhere but in tests."""
    if not settings.PROJECTS_TEST_REMOTES:
        return []
    return [
        Error(
            "PROJECTS_TEST_REMOTES opens this machine's own ports to mirrors.",
            hint="Unset it: it is for tests alone. Open in-house hosts by OUTBOUND_ALLOW.",
            id="sextant.E010",
        )
    ]


def check_git(**_: Any) -> list[CheckMessage]:
    """Tell that git is missing, too old, or without the security releases of July 2025."""
    try:
        version = git_version()
    except GitMissing:
        hint = "Install git; until then mirrors answer 503."
        return [Warning("The program git is not installed.", hint=hint, id="sextant.W003")]
    if version[:2] < OLDEST:
        hint = "Install git 2.39 or newer."
        return [Warning("git is too old for mirrors.", hint=hint, id="sextant.W004")]
    if not is_fixed(version):
        shown = ".".join(map(str, version))
        return [
            Warning(
                f"git {shown} is older than the security releases of July 2025.",
                hint="Update git, or see that your distribution has put the corrections into its package.",
                id="sextant.W005",
            )
        ]
    return []


def is_fixed(version: tuple[int, int, int]) -> bool:
    """Tell whether a version of git has the corrections of July 2025."""
    line = version[:2]
    return line > max(FIXED) or version[2] >= FIXED.get(line, version[2] + 1)


def git_version() -> tuple[int, int, int]:
    """Return git's version; zeros for what cannot be understood; raises GitMissing."""
    said = subprocess.run(
        [find_git(), "--version"], capture_output=True, check=False, timeout=ASK_TIMEOUT_S, text=True
    ).stdout
    found = VERSION.match(said)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (0, 0, 0)


def register_checks() -> None:
    """Register them for `check --deploy`: they start a program, and tests set what they refuse."""
    for check in (check_test_remotes, check_git):
        register(check, Tags.security, deploy=True)
