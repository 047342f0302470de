"""Settings from the environment: typed, with errors that name the variable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env

LONG = "x" * 32


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("maybe", lambda: env.env_bool("NAME", default=False)),
        ("many", lambda: env.env_int("NAME", 1)),
        ("0", lambda: env.env_int("NAME", 1, minimum=1)),
        ("9", lambda: env.env_int("NAME", 1, maximum=8)),
        ("much", lambda: env.env_float("NAME", 0.5)),
        ("nan", lambda: env.env_float("NAME", 0.5)),
        ("2", lambda: env.env_float("NAME", 0.5, maximum=1.0)),
        ("loud", lambda: env.env_choice("NAME", "INFO", ("INFO", "DEBUG"))),
        ("{", lambda: env.env_json("NAME", {})),
        ("[]", lambda: env.env_json("NAME", {})),
        ("ftp://host", lambda: env.env_url("NAME", "", ("https",))),
        ("mysql://host/name", lambda: env.database_settings("NAME", Path("/var"))),
        ("postgres://host/", lambda: env.database_settings("NAME", Path("/var"))),
        ("postgres://host:port/name", lambda: env.database_settings("NAME", Path("/var"))),
        ("memcache://host", lambda: env.redis_url("NAME", Path("/var"))),
        ("short", lambda: env.secret_list("NAME", Path("/var"))),
        (f"{LONG},short", lambda: env.secret_list("NAME", Path("/var"))),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_name(
    monkeypatch: pytest.MonkeyPatch, value: str, read: Callable[[], Any]
) -> None:
    monkeypatch.setenv("NAME", value)

    with pytest.raises(ImproperlyConfigured, match=r"^NAME "):
        read()


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "  ")

    assert env.env_int("NAME", 7) == 7
    assert env.env_str("NAME", "default") == "default"
    assert env.env_list("NAME", ["default"]) == ["default"]


def test_a_file_named_beside_the_variable_holds_the_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(f"{LONG}\n")
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "secret"))

    assert env.secret_list("NAME", tmp_path) == [LONG]


def test_a_missing_file_is_an_error_with_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "missing"))

    with pytest.raises(ImproperlyConfigured, match=r"^NAME_FILE "):
        env.env_str("NAME")


def test_a_dollar_sign_in_a_secret_is_no_reference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAME", f"${LONG}")

    assert env.secret_list("NAME", tmp_path) == [f"${LONG}"]


def test_secrets_are_separated_by_commas_or_lines_and_keep_their_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NAME", f"{LONG}1, {LONG}2\n{LONG}3\n")

    assert env.secret_list("NAME", tmp_path) == [f"{LONG}1", f"{LONG}2", f"{LONG}3"]


def test_an_absent_secret_comes_from_the_data_folder_or_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^NAME is missing"):
        env.secret_list("NAME", tmp_path)

    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "name").write_text(f"{LONG}\n")

    assert env.secret_list("NAME", tmp_path) == [LONG]


def test_absent_addresses_mean_the_embedded_servers(tmp_path: Path) -> None:
    var_dir = Path("/srv/with space/var")

    assert env.database_settings("NAME", var_dir)["HOST"] == "/srv/with space/var/run/sockets"
    assert env.redis_url("NAME", var_dir) == "unix:///srv/with%20space/var/run/sockets/valkey.sock"


def test_a_database_address_becomes_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAME", "postgres://me:p%40ss@db.internal:6543/sextant?sslmode=require")

    settings = env.database_settings("NAME", tmp_path)

    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert (settings["USER"], settings["PASSWORD"]) == ("me", "p@ss")
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.internal", 6543, "sextant")
    assert settings["OPTIONS"] == {"sslmode": "require"}


def test_celery_gets_a_socket_under_its_own_scheme() -> None:
    assert (
        env.celery_broker_url("unix:///run/valkey.sock?db=2")
        == "redis+socket:///run/valkey.sock?virtual_host=2"
    )
    assert env.celery_broker_url("rediss://host:6380/1") == "rediss://host:6380/1"
