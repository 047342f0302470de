"""Every test here has a file storage of its own and leaves no row, partition or stage table behind."""

from collections.abc import Iterator

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    options = settings.STORAGES["default"]["OPTIONS"] | {"location": tmp_path}
    settings.STORAGES = settings.STORAGES | {"default": settings.STORAGES["default"] | {"OPTIONS": options}}
    return tmp_path


@pytest.fixture
def clean_events(transactional_db) -> Iterator[None]:
    """Empty the event table afterwards: Django flushes managed tables only."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE datasets_event")
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND "
            "(relname ~ '^datasets_stage_[0-9]+$' OR relname ~ '^datasets_event_slab_[0-9]{4,}$')"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE {table}")
