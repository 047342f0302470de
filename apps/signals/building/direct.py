"""The direct way to the database: session locks and dbt do not go through a pooler."""

import os
from collections.abc import Mapping
from typing import Any, Final

import environ
import psycopg
from django.conf import settings
from django.db import connection
from psycopg import pq

CONNECT_TIMEOUT_S: Final = 10
APPLICATION: Final = "sextant-dbt"
# What the environment of dbt keeps of ours: no secret of the platform.
INHERITED: Final = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH",
)  # fmt: skip
# The parameters of a connection, and where libpq looks for each.
LIBPQ: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
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
    return psycopg.connect(
        **_parameters(),
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name=f"sextant-build-{schema}"[:63],
    )


def dbt_environment(schema: str) -> dict[str, str]:
    """Return the environment of dbt: where the database is, as libpq reads it, and that nothing is sent."""
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        **{LIBPQ[name]: str(value) for name, value in _parameters().items()},
        "SIGNALS_DBT_SCHEMA": schema,
        "SIGNALS_DBT_THREADS": str(settings.SIGNALS_DBT_THREADS),
        "SIGNALS_DBT_APPLICATION": application_name(schema),
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONUNBUFFERED": "1",
    }


def _parameters() -> dict[str, Any]:
    """Return the parameters of a direct connection: DATABASE_DIRECT_URL's if there is one, else Django's."""
    url = getattr(settings, "DATABASE_DIRECT_URL", "")
    server: Mapping[str, Any] = environ.Env.db_url_config(url) if url else connection.settings_dict
    named = {
        **_defaults(),
        **_given(server),
        "dbname": connection.settings_dict["NAME"],
    }
    return {name: value for name, value in named.items() if name in LIBPQ and value}


def _given(server: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an address says of its server; a folder of sockets comes as an option of it."""
    named = {
        "host": server.get("HOST"),
        "port": server.get("PORT"),
        "user": server.get("USER"),
        "password": server.get("PASSWORD"),
        **(server.get("OPTIONS") or {}),
    }
    return {name: value for name, value in named.items() if value}


def _defaults() -> dict[str, str]:
    """Return what libpq takes where an address is silent: from the environment, or the system's user.

    dbt must be told, as it does not ask libpq: without a user it would end before its first statement.
    """
    return {
        option.keyword.decode(): option.val.decode()
        for option in pq.Conninfo.get_defaults()
        if option.val is not None
    }
