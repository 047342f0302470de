"""The part of Valkey that this process has for itself: one database of the 16."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
import redis
from django.conf import settings

from apps.common import throttles
from config.celery import app as celery_app
from config.env import celery_broker_url
from tests.furniture.database import worker_number
from tests.furniture.patience import LIMITS, OF_PRODUCT, PATIENCE_S, be_patient

# Counted down from the last of the 16: an installation's own data lies in database 0.
LAST_DATABASE = 15


def own_database() -> int:
    """Return the number of the database of this process."""
    return LAST_DATABASE - worker_number()


def with_database(url: str, number: int) -> str:
    """Return a Valkey address with another database number."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        query = {**dict(parse_qsl(parts.query)), "db": str(number)}
        return f"unix://{parts.netloc}{parts.path}?{urlencode(query)}"
    return urlunsplit(parts._replace(path=f"/{number}"))


def point_settings_to(url: str, *, prefix: str) -> None:
    """Let every store live in one Valkey database; channel names are global, hence the prefix."""
    settings.REDIS_URL = settings.CACHE_URL = settings.CHANNEL_URL = url
    settings.CELERY_BROKER_URL = celery_broker_url(url)
    caches: dict[str, Any] = settings.CACHES
    caches["default"]["LOCATION"] = url
    layers: dict[str, Any] = settings.CHANNEL_LAYERS
    layers["default"]["CONFIG"]["hosts"] = [{"address": url, "socket_timeout": None}]
    layers["default"]["CONFIG"]["prefix"] = prefix
    celery_app.conf.update(broker_url=settings.CELERY_BROKER_URL)


def pytest_configure(config: pytest.Config) -> None:
    """Point the settings of this process to its own database before anything connects."""
    be_patient()
    point_settings_to(with_database(settings.REDIS_URL, own_database()), prefix=f"test{worker_number()}")


@pytest.fixture
def products_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for Valkey only as long as the product does, for servers that the test makes hang."""
    for (module, name), limit_s in zip(LIMITS, OF_PRODUCT, strict=True):
        monkeypatch.setattr(module, name, limit_s)


def forget_limits(url: str) -> None:
    """Fill up the rate limits that processes of a stack share from test to test."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(f"{throttles.PREFIX}:*"):
            client.delete(key)


def told(pubsub: Any) -> Iterator[dict[str, Any]]:
    """Yield what was published up to now on the channels of a subscription, and do not wait for more."""
    # Valkey answers in order: what it has taken before this question stands before the answer.
    pubsub.ping()
    deadline_s = time.monotonic() + PATIENCE_S
    while (message := pubsub.get_message(timeout=PATIENCE_S)) is None or message["type"] != "pong":
        assert time.monotonic() < deadline_s
        if message is not None and message["type"] == "message":
            yield message


@pytest.fixture(autouse=True)
def unused_limits(store: redis.Redis) -> None:
    """Let every test begin with full rate limits, and with nothing else that an earlier one left."""
    store.flushdb()


@pytest.fixture(scope="session")
def store() -> Iterator[redis.Redis]:
    """Give a client of this process's own Valkey database."""
    client = redis.Redis.from_url(with_database(settings.REDIS_URL, own_database()))
    yield client
    client.close()


@pytest.fixture
def valkey() -> Iterator[redis.Redis]:
    """Give a client of this process's own, empty Valkey database."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()
