"""dbt finds the database by the environment, also where the address leaves something to libpq."""

import getpass
from typing import Any

import pytest

from apps.signals.building.direct import dbt_environment

pytestmark = pytest.mark.django_db


def test_an_address_without_a_user_leaves_it_to_the_environment(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASE_DIRECT_URL = "postgres:////run/somewhere/sextant"
    monkeypatch.setenv("PGUSER", "builder")

    found = dbt_environment("public")

    assert (found["PGHOST"], found["PGUSER"], found["PGPORT"]) == ("/run/somewhere", "builder", "5432")


def test_without_any_name_it_is_the_user_of_the_system(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASE_DIRECT_URL = "postgres:////run/somewhere/sextant"
    monkeypatch.delenv("PGUSER", raising=False)

    assert dbt_environment("public")["PGUSER"] == getpass.getuser()


def test_what_the_address_says_counts_before_the_environment(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASE_DIRECT_URL = "postgres://owner:secret@db.example:6432/sextant"
    monkeypatch.setenv("PGUSER", "builder")
    monkeypatch.setenv("PGPASSWORD", "other")

    found = dbt_environment("public")

    assert (found["PGHOST"], found["PGPORT"], found["PGUSER"]) == ("db.example", "6432", "owner")
    assert found["PGPASSWORD"] == "secret"
