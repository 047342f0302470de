"""Write the synthetic city as CSV: byte-identical for the same seed."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.datasets.reading.sample_city import sample_city


class Command(BaseCommand):
    """Write to a file, or to standard output."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--rows", type=int, default=60_000)
        parser.add_argument("--months", type=int, default=24)
        parser.add_argument("--csv", type=Path, help="file to write; default: standard output")
        parser.add_argument("--json", action="store_true", help="report as JSON (needs --csv)")

    def handle(self, *_args: str, **options: Any) -> None:
        """Write the city."""
        shape = {name: options[name] for name in ("seed", "rows", "months")}
        path: Path | None = options["csv"]
        if path is None:
            sample_city(sys.stdout, **shape)
            return
        try:
            with path.open("w", newline="") as stream:
                sample_city(stream, **shape)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        facts = shape | {"file": str(path), "bytes": path.stat().st_size}
        text = f"{shape['rows']:,} rows in {path}"
        self.stdout.write(json.dumps(facts) if options["json"] else text)
