"""The clock, run as `python -m config.clock FILE`; its table is in the database.

Not by Celery's own command line: see `config/worker.py`.
"""

import sys
from typing import Any

import django
from celery.signals import beat_init

from config.celery import app

django.setup(set_prefix=False)

from config import schedule  # noqa: E402 - imports models


@beat_init.connect
def sync_schedule(**_kwargs: Any) -> None:
    """Bring the table of clocks in line with the code before the first tick."""
    schedule.sync()


def main() -> None:
    """Send the messages of the schedule until told to stop; `FILE` is where the scheduler may keep state."""
    # A pid file would outlive a killed process and stop the next one; the lock of the folder does its work.
    app.Beat(schedule=sys.argv[1], pidfile=None, loglevel="INFO").run()


if __name__ == "__main__":
    main()
