"""Count signals, in all and by what they have in common."""

import json
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db.models import Count, QuerySet

from apps.signals.management import foreground
from apps.signals.models import Signal

# What may be counted by -> the column.
BY: Final = {
    "type": "signal_type",
    "domain": "domain",
    "status": "workflow__status",
    "facility": "facility_id",
}


class Command(BaseCommand):
    """Exit 0 counted, 2 usage. Groups are of present signals; null is a missing value."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        foreground.add_common(parser)
        parser.add_argument("--facility", action="append", default=[], help="only its signals; repeatable")
        parser.add_argument("--by", default="", help=f"of {', '.join(BY)}: one or more, with commas between")

    def handle(self, *_args: str, **options: Any) -> None:
        """Count and report."""
        signals = Signal.objects.filter(organization=foreground.organization_of(options))
        if options["facility"]:
            signals = signals.filter(facility_id__in=options["facility"])
        wanted = [name.strip() for name in options["by"].split(",") if name.strip()]
        unknown = [name for name in wanted if name not in BY]
        if unknown:
            foreground.refuse(f"Count by {', '.join(BY)}; not by {unknown[0]}.")
        present = signals.present()
        total = present.count()
        facts = {"present": total, "absent": signals.count() - total}
        groups = {name: _counted(present, BY[name]) for name in wanted}
        if options["json"]:
            self.stdout.write(json.dumps({**facts, "by": groups}))
            return
        self.stdout.write(f"{facts['present']:,} present, {facts['absent']:,} absent")
        for name, counts in groups.items():
            for value, count in counts.items():
                self.stdout.write(f"{name} {value}: {count:,}")


def _counted(signals: QuerySet[Signal], column: str) -> dict[str, int]:
    """Return how many signals have each value, the most frequent first."""
    rows = signals.values_list(column).annotate(n=Count("pk")).order_by("-n", column)
    return {"null" if value is None else str(value): count for value, count in rows}
