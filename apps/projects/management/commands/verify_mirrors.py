"""Look whether mirrors are whole: objects, refs, and the manifest with its signature."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.common.arguments import natural
from apps.projects.management import reporting
from apps.projects.services.verification import mirrors_to_verify, verify_mirror


class Command(BaseCommand):
    """Exit 0 all sound, 1 not, 2 no such project."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--project", help="id, or name; default: the mirrors looked at longest ago")
        parser.add_argument("--sample", type=natural, default=100, help="how many mirrors at most")
        parser.add_argument("--repair", action="store_true", help="clone anew what is damaged")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Look and report."""
        project = reporting.project_named(options["project"]) if options["project"] else None
        is_sound = True
        for mirror in mirrors_to_verify(project, limit=options["sample"]):
            findings = verify_mirror(mirror, is_repaired=options["repair"])
            is_sound &= not findings
            rows = [
                {"project": mirror.project.name, "code": finding.code, "detail": finding.detail}
                for finding in findings
            ] or [{"project": mirror.project.name, "code": "sound"}]
            reporting.report(self.stdout, rows, as_json=options["json"])
        sys.exit(0 if is_sound else reporting.FAILED)
