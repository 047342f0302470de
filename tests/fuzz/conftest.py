"""Each call is a test of its own, also to who deals tests out by their names."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the call into the name: who deals tests out would take all of one name for one test."""
    for item in items:
        if HERE in item.path.parents and not item.nodeid.endswith(item.name):
            item._nodeid = f"{item.nodeid.rpartition('::')[0]}::{item.name}"
