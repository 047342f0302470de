"""A pytest plugin of the gate: writes the names of tests that failed or were skipped into FAILED_TESTS.

It writes nothing of a run that did not come to its end: that is no matter of single tests.
"""

import os
from pathlib import Path

import pytest

failed: dict[str, None] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed, in whichever of its phases, or was skipped, which is no success here."""
    if report.failed or (report.skipped and not hasattr(report, "wasxfail")):
        # pytest-xdist writes the group of a test behind its name; parameters may hold an @ as well.
        name, _, group = report.nodeid.rpartition("@")
        failed[name if name and "]" not in group else report.nodeid] = None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write them, in the controlling process alone: there every report comes by."""
    if exitstatus == pytest.ExitCode.TESTS_FAILED and not hasattr(session.config, "workerinput"):
        Path(os.environ["FAILED_TESTS"]).write_text("".join(f"{nodeid}\n" for nodeid in failed))
