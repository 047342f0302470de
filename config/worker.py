"""The worker, run as `python -m config.worker QUEUES`.

Celery's own command line loads an interactive shell and the code of all its commands: 11 MB that stay.
"""

import sys
from typing import Any

import django
from django.conf import settings
from django.utils.module_loading import import_string

from config.celery import app

django.setup(set_prefix=False)

from config.schedule import CLOCKS  # noqa: E402 - imports models
from config.worker_pool import PatientAutoscaler  # noqa: E402


def pool_options() -> dict[str, Any]:
    """Return how the pool grows: from one process to the number of the settings."""
    if settings.WORKER_POOL == "solo":
        return {}
    return {"autoscale": [settings.WORKER_CONCURRENCY, 1], "autoscaler_cls": PatientAutoscaler}


def main() -> None:
    """Work on the queues that the first argument names, parted by commas, until told to stop."""
    worker = app.Worker(
        queues=sys.argv[1], loglevel="INFO", without_gossip=True, without_mingle=True, **pool_options()
    )
    # Before the pool is forked, so that its processes share what the functions of the clocks need.
    for clock in CLOCKS:
        import_string(clock.function)
    worker.start()
    sys.exit(worker.exitcode or 0)


if __name__ == "__main__":
    main()
