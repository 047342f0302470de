"""Questions to the database that a start asks before, and cheaper than, any Django process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured

from config import env, installation
from config.bootstrap import BASE_DIR
from config.embedded import postgres
from config.embedded.processes import StartFailed

CONNECT_TIMEOUT_S: Final = 10
MIGRATIONS_QUERY: Final = "SELECT count(*), max(id), max(applied) FROM django_migrations"
PASSWORD_QUERY: Final = f"SELECT password FROM accounts_user WHERE email = '{installation.ADMIN_EMAIL}'"
HASH_PREFIX: Final = "argon2"


def ask(var_dir: Path, query: str) -> str:
    """Return what psql prints for a query; empty if it fails."""
    psql = [str(postgres.program("psql")), "-XAtqw", "-c", query]
    environ = {**os.environ, **connection_environ(var_dir)}
    return subprocess.run(psql, env=environ, capture_output=True, text=True, check=False).stdout.strip()


def connection_environ(var_dir: Path) -> dict[str, str]:
    """Return the variables by which psql finds the database; a password in its arguments all could read.

    Raises StartFailed where the environment names no usable address.
    """
    try:
        found = env.database_settings("DATABASE_URL", var_dir)
    except ImproperlyConfigured as error:
        raise StartFailed(str(error)) from error
    names = {
        "NAME": "PGDATABASE",
        "USER": "PGUSER",
        "PASSWORD": "PGPASSWORD",
        "HOST": "PGHOST",
        "PORT": "PGPORT",
    }
    options = {f"PG{name.upper()}": value for name, value in found.get("OPTIONS", {}).items()}
    stated = {variable: found.get(name) for name, variable in names.items()} | options
    return {"PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT_S)} | {
        variable: str(value) for variable, value in stated.items() if value
    }


def migration_state(var_dir: Path) -> str:
    """Return what tells one state of the migration table from another; empty if the database does not say."""
    return ask(var_dir, MIGRATIONS_QUERY)


def first_password(var_dir: Path) -> str | None:
    """Return the password of the sample administrator; None once it was changed."""
    password = installation.admin_password(var_dir)
    stored = ask(var_dir, PASSWORD_QUERY).removeprefix(HASH_PREFIX)
    fits = subprocess.run(
        [sys.executable, "-m", "config.embedded.verifying"],
        input=f"{stored}\n{password}\n",
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    return password if fits.returncode == 0 else None
