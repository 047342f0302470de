"""Build the manifest of a project, write it to a file, or hold it against the stored bytes."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from apps.common.errors import DomainError
from apps.projects.management import reporting
from apps.projects.services.manifest_builds import build_now


class Command(BaseCommand):
    """Exit 0 built, 1 it differs or failed, 2 no such project."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("project", help="id, or name")
        parser.add_argument("--ref", default="", help="branch, tag or commit; default: the published head")
        parser.add_argument("--check", action="store_true", help="store nothing; compare with what is stored")
        parser.add_argument("--output", type=Path, help="write the document into this file")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Build and report."""
        project = reporting.project_named(options["project"])
        try:
            built = build_now(project=project, ref=options["ref"], is_check=options["check"])
        except DomainError as error:
            reporting.report(
                self.stdout, [{"code": error.code, "detail": error.detail}], as_json=options["json"]
            )
            sys.exit(reporting.FAILED)
        if options["output"] is not None:
            options["output"].write_bytes(built.content)
        row = {
            "verdict": built.verdict,
            "version": built.version,
            "commit": built.commit,
            "files": built.files,
            "digest": built.digest.hex(),
        }
        reporting.report(self.stdout, [row], as_json=options["json"])
        sys.exit(reporting.FAILED if built.is_wrong else 0)
