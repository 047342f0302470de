"""What a start asks the database by psql: where it is, and with which password."""

from pathlib import Path

import pytest

from config.embedded.processes import StartFailed
from config.embedded.questions import connection_environ


def test_the_embedded_server_is_found_by_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    found = connection_environ(tmp_path)

    assert found["PGHOST"] == str(tmp_path / "run" / "sockets")
    assert "PGPASSWORD" not in found


def test_another_server_is_found_whether_its_address_is_stated_or_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "postgres://someone:a%2Fb@db.example:5433/stock?sslmode=require"
    monkeypatch.setenv("DATABASE_URL", address)
    stated = connection_environ(tmp_path)
    monkeypatch.delenv("DATABASE_URL")
    (tmp_path / "address").write_text(address)
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "address"))

    assert connection_environ(tmp_path) == stated
    assert (
        stated
        | {
            "PGHOST": "db.example",
            "PGPORT": "5433",
            "PGDATABASE": "stock",
            "PGUSER": "someone",
            "PGPASSWORD": "a/b",
            "PGSSLMODE": "require",
        }
        == stated
    )


def test_an_address_that_is_none_fails_the_start_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://db.example/stock")

    with pytest.raises(StartFailed, match="DATABASE_URL"):
        connection_environ(tmp_path)
