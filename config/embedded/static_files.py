"""Installs the browser libraries where they are missing, then collects all static files.

Run by the supervisor beside its other steps; in a process of its own, for neither npm's answers nor the files
that are picked from should stay in the supervisor's memory.
"""

import os
import sys

from config.bootstrap import BASE_DIR
from config.browser_libraries import ensure_browser_libraries


def main() -> None:
    """Do both."""
    ensure_browser_libraries()
    manage = str(BASE_DIR / "manage.py")
    os.execv(sys.executable, [sys.executable, manage, "collectstatic", "--no-input", "--verbosity", "0"])


if __name__ == "__main__":
    main()
