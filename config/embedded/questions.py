"""Questions to the database that a start asks before, and cheaper than, any Django process."""

import os
import subprocess
from pathlib import Path
from typing import Final

import argon2

from config import installation
from config.embedded import addresses, postgres

MIGRATIONS_QUERY: Final = "SELECT count(*), max(id), max(applied) FROM django_migrations"
PASSWORD_QUERY: Final = f"SELECT password FROM accounts_user WHERE email = '{installation.ADMIN_EMAIL}'"
HASH_PREFIX: Final = "argon2"


def ask(var_dir: Path, query: str) -> str:
    """Return what psql prints for a query; empty if it fails."""
    url = os.environ.get("DATABASE_URL")
    own = [
        "-h",
        str(addresses.socket_folder(var_dir)),
        "-U",
        addresses.DATABASE_USER,
        addresses.DATABASE_NAME,
    ]
    psql = [str(postgres.program("psql")), "-XAtqw", "-c", query, *([url] if url else own)]
    return subprocess.run(psql, capture_output=True, text=True, check=False).stdout.strip()


def migration_state(var_dir: Path) -> str:
    """Return what tells one state of the migration table from another."""
    return ask(var_dir, MIGRATIONS_QUERY)


def first_password(var_dir: Path) -> str | None:
    """Return the password of the sample administrator; None once it was changed."""
    password = installation.admin_password(var_dir)
    stored = ask(var_dir, PASSWORD_QUERY).removeprefix(HASH_PREFIX)
    try:
        argon2.PasswordHasher().verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return None
    return password
