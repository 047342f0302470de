"""The direct way to the database: session locks and dbt do not go through a pooler."""

import os
from collections.abc import Mapping
from typing import Any, Final

import environ
import psycopg
from django.conf import settings
from django.db import connection

CONNECT_TIMEOUT_S: Final = 10
APPLICATION: Final = "sextant-dbt"
# What the environment of dbt keeps of ours: no secret of the platform.
INHERITED: Final = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH",
)  # fmt: skip
SSL_OPTIONS: Final = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}


def application_name(schema: str) -> str:
    """Return the name under which the sessions of a prefix's builds are known to the server."""
    return f"{APPLICATION}-{schema}"[:63]


def connect(schema: str) -> psycopg.Connection[Any]:
    """Open a session of its own, in autocommit."""
    server = _server()
    options = {name: value for name, value in _options(server).items() if name in SSL_OPTIONS}
    return psycopg.connect(
        host=server.get("HOST") or None,
        port=server.get("PORT") or None,
        user=server.get("USER") or None,
        password=server.get("PASSWORD") or None,
        dbname=connection.settings_dict["NAME"],
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name=f"sextant-build-{schema}"[:63],
        **options,
    )


def dbt_environment(schema: str) -> dict[str, str]:
    """Return the environment of dbt: where the database is, as libpq reads it, and that nothing is sent."""
    server = _server()
    named = {
        "PGHOST": server.get("HOST"),
        "PGPORT": server.get("PORT"),
        "PGUSER": server.get("USER"),
        "PGPASSWORD": server.get("PASSWORD"),
        "PGDATABASE": connection.settings_dict["NAME"],
        **{SSL_OPTIONS[name]: value for name, value in _options(server).items() if name in SSL_OPTIONS},
    }
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        **{name: str(value) for name, value in named.items() if value},
        "SIGNALS_DBT_SCHEMA": schema,
        "SIGNALS_DBT_THREADS": str(settings.SIGNALS_DBT_THREADS),
        "SIGNALS_DBT_APPLICATION": application_name(schema),
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONUNBUFFERED": "1",
    }


def _server() -> Mapping[str, Any]:
    """Return the entry of the server: DATABASE_DIRECT_URL where there is one, else Django's default."""
    url = getattr(settings, "DATABASE_DIRECT_URL", "")
    if url:
        found: Mapping[str, Any] = environ.Env.db_url_config(url)
        return found
    return connection.settings_dict


def _options(server: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = server.get("OPTIONS") or {}
    return found
