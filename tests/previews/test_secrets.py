"""Tokens and grants stand nowhere but in the one answer that shows them (edge case 5)."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.core import mail
from django.db import connection

from apps.common import jobs
from tests.furniture.people import Actors
from tests.previews.stories import SESSIONS, create, fetch, upload, visit, zip_of

pytestmark = pytest.mark.django_db(transaction=True)


class Lines(logging.Handler):
    """Keeps what the log would write."""

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self.formatter = formatter
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Give every line of the log, as its own formatter writes it."""
    root = logging.getLogger()
    formatters = [handler.formatter for handler in root.handlers if handler.formatter is not None]
    handler = Lines(formatters[0] if formatters else None)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


def database_text() -> str:
    """Return all rows of all tables as text, bytes in hexadecimal."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')
            found += [row for (row,) in cursor.fetchall()]
    return "\n".join(found)


def valkey_text(store: redis.Redis) -> str:
    found = []
    for key in store.scan_iter():
        found.append(repr(key))
        found.append(repr(store.dump(key)))
    return "\n".join(found)


def test_no_token_and_no_grant_is_kept_anywhere(
    actors: Actors, media: Path, lines: Lines, valkey: redis.Redis
) -> None:
    made = create(actors.analyst)
    upload(actors.analyst, made["id"], zip_of())
    jobs.run_due()
    url = visit("grants", made["token"]).json()["url"]
    assert fetch(url).getvalue() == zip_of()
    visit("resolve", made["token"])
    fresh = actors.analyst.api.post(f"{SESSIONS}/{made['id']}/token").json()
    opened = actors.analyst.api.post(f"{SESSIONS}/{made['id']}/open").json()["url"]
    # Sent where it does not belong, and answered with errors.
    fetch(f"http://localhost/p/{made['token']}")
    fetch(f"http://localhost/api/v1/preview/download/{made['token']}")
    fetch(f"http://localhost/api/v1/preview/sessions?token={fresh['token']}")
    actors.analyst.api.post(f"{SESSIONS}/{made['id']}/revoke")

    places = {
        "log": "\n".join(lines.written),
        "database": database_text(),
        "Valkey": valkey_text(valkey),
        "mail": "\n".join(str(sent.message()) for sent in mail.outbox),
        "storage": "\n".join(repr(path.read_bytes()) for path in media.rglob("*") if path.is_file()),
        "names in the storage": "\n".join(str(path) for path in media.rglob("*")),
    }
    assert "request" in places["log"]
    assert made["id"] in places["database"]
    secrets = {made["token"], fresh["token"], url.rpartition("/")[2], opened.rpartition("/")[2]}
    for place, text in places.items():
        for secret in secrets:
            assert secret not in text, place
            assert secret[4:] not in text, place
