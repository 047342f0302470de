"""The furniture of the suite (platform.md section 18): real servers, loopback only, any order."""

import hypothesis

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
]

# Shared machines are slow now and then: a deadline would fail tests for their neighbours' work.
hypothesis.settings.register_profile("suite", deadline=None, database=None)
hypothesis.settings.load_profile("suite")
