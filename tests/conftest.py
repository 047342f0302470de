"""The furniture of the suite (platform.md section 18): real servers, loopback only, any order."""

import hypothesis
import pytest

pytest_plugins = [
    "tests.furniture.database",
    "tests.furniture.valkey",
    "tests.furniture.network",
    "tests.furniture.clock",
    "tests.furniture.storage",
    "tests.furniture.static_files",
    "tests.furniture.passwords",
    "tests.furniture.people",
    "tests.furniture.work",
    "tests.furniture.query_counts",
    "tests.furniture.stack",
    "tests.furniture.nursery",
]

# Shared machines are slow now and then: a deadline would fail tests for their neighbours' work.
hypothesis.settings.register_profile("suite", deadline=None, database=None)
hypothesis.settings.load_profile("suite")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name bytes that are no text by their argument: they may hold a clock, and processes must agree."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode("ascii").isprintable()):
        return argname
    return None
