"""Jobs without a worker."""

from collections.abc import Callable

import pytest

from apps.common import jobs


@pytest.fixture
def run_jobs() -> Callable[[], int]:
    """Give a function that runs the queued jobs here and now until none is left; returns how many ran.

    Rows are the truth and messages only nudges, so nothing but the broker is left out. A job that goes back
    to its queue with a later `run_after` is not due and ends the loop.
    """

    def run() -> int:
        ran = 0
        for _round in range(20):
            tried = jobs.run_due()
            ran += tried
            if not tried:
                break
        return ran

    return run
