"""`manage.py run_jobs`: run due jobs straight from the database, without a broker."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.common.jobs import run_due
from apps.common.jobs.queues import QUEUES
from apps.common.jobs.standby import has_broker, stand_by, stop_when_asked, work_until


class Command(BaseCommand):
    """Run jobs until interrupted, once, until the broker is back, or whenever it is lost."""

    help = "Run due jobs straight from the database, without a broker."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--queue", choices=QUEUES, help="only the jobs of this queue")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--once", action="store_true", help="run what is due and end")
        how.add_argument("--until-broker", action="store_true", help="end once the broker answers")
        how.add_argument("--standby", action="store_true", help="work only while the broker is lost")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run jobs; whoever interrupts loses none."""
        stop_when_asked()
        queue = options["queue"]
        if options["standby"]:
            stand_by(queue=queue)
            return
        if options["once"]:
            tried = run_due(queue=queue)
        else:
            tried = work_until(has_broker if options["until_broker"] else bool, queue=queue)
        self.stdout.write(f"{tried} jobs tried")
