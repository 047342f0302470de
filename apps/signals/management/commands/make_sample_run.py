"""Write runs of invented analytics, of any size, with faults if asked: ROOT/<graph>/<run id>/."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.signals.sampling.options import Fault, SampleOptions, SampleOptionsInvalid, SampleRunExists
from apps.signals.sampling.runs import SampleRun, make_sample_runs


class Command(BaseCommand):
    """Exit 0 written, 1 a run folder exists, 2 usage. Needs no database; equal arguments give equal bytes."""

    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        default = SampleOptions(Path())
        parser.add_argument("root", type=Path)
        parser.add_argument("--graph", default=default.graph)
        parser.add_argument("--entities", type=int, default=default.entities, help="aggregate ones of run 1")
        parser.add_argument("--runs", type=int, default=default.runs)
        parser.add_argument("--seed", type=int, default=default.seed)
        parser.add_argument("--start-period", default=default.start_period, help="YYYYMM")
        parser.add_argument("--periods", type=int, default=default.periods, help="months of a run")
        parser.add_argument(
            "--repeat", action="store_true", help="one more run, with the content of the last"
        )
        parser.add_argument(
            "--fault",
            action="append",
            default=[],
            choices=[fault.value for fault in Fault],
            help="in the last run",
        )
        parser.add_argument("--json", action="store_true", help="a line of JSON per run")

    def handle(self, *_args: str, **options: Any) -> None:
        """Write and report run by run."""
        names = ("root", "graph", "entities", "runs", "seed", "start_period", "periods", "repeat")
        chosen = {name: options[name] for name in names}
        try:
            for run in make_sample_runs(SampleOptions(**chosen, faults=tuple(map(Fault, options["fault"])))):
                self.stdout.write(json.dumps(asdict(run)) if options["json"] else _told(run))
        except SampleOptionsInvalid as error:
            raise CommandError(error.explain(), returncode=2) from error
        except SampleRunExists as error:
            raise CommandError(error.explain()) from error


def _told(run: SampleRun) -> str:
    types = ", ".join(f"{name} {count}" for name, count in run.types.items())
    sizes = f"{run.files} files, {run.size_bytes} bytes, {run.lines} lines, {run.entities} entities"
    return f"{run.path}: {sizes}; {types}; {run.manifest_sha256}"
