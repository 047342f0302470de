"""Run benchmarks inside the project's environment; `manage.py bench` starts the servers and calls this."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import django

from benchmarks import report
from benchmarks.results import Row
from benchmarks.stage import Stage

# Modules that hold a benchmark, in the order of the specification.
NAMES = (
    "live", "requests", "audit_chain", "metrics", "signals", "projects", "projects_rename", "previews",
    "places",
)  # fmt: skip
# Those that run only by their name.
NAMED_ONLY = ("metrics_sustained", "projects_manifest")


def main() -> int:
    """Run the named ones; the exit code tells of broken benchmarks, never of slow ones."""
    parser = argparse.ArgumentParser(prog="manage.py bench")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    known = (*NAMES, *NAMED_ONLY)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(known)}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    tables = {name: run(name, quick=options.quick, quiet=options.json) for name in options.names or NAMES}
    if options.json:
        print(report.as_json(tables))
    return 0


def run(name: str, *, quick: bool, quiet: bool) -> Sequence[Row]:
    """Run one benchmark, print its table and add it to RESULTS.md."""
    module = importlib.import_module(f"benchmarks.{name}")
    with Stage(Path(os.environ["VAR_DIR"]), quick=quick, quiet=quiet) as stage:
        rows: Sequence[Row] = module.run(stage)
    if not quiet:
        print(f"\n{module.TITLE}\n\n{report.table(rows)}")
        for note in stage.notes:
            print(note)
    if not quick:
        report.append(module.TITLE, rows, stage.notes, quick=quick)
    return rows


if __name__ == "__main__":
    sys.exit(main())
