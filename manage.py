#!/usr/bin/env python3
"""Run a management command; `up`, `test` and `bench` need nothing but Python 3.11 and pip."""

import os
import sys
from importlib import import_module

from config.bootstrap import ensure_environment

# These make what the settings need, or only watch processes: they run without settings and apps.
LAUNCHERS = frozenset({"up", "down", "status", "test", "bench"})


def main() -> None:
    """Make the environment, then hand the command line to Django, which exists only from then on."""
    ensure_environment(sys.argv)
    if len(sys.argv) > 1 and sys.argv[1] in LAUNCHERS:
        import_module(f"config.management.commands.{sys.argv[1]}").Command().run_from_argv(sys.argv)
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import_module("django.core.management").execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
