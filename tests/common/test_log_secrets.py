"""What must not stand in a log does not, whoever writes the line: we, Django, uvicorn or a trace."""

import io
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from django.conf import settings
from django.test import Client
from structlog.stdlib import ProcessorFormatter

from apps.common.logs import RoutesForPaths, logging_config, redact
from tests.furniture.people import Actors

TOKEN = "Zm9vYmFyYmF6-_0123456789abcdefghijklmnopqrst"
KEY = f"sxk_aB3dE5gH_{'k' * 38}"
Lines = Callable[[], str]


def handler_of(formatter: dict[str, object]) -> logging.StreamHandler[io.StringIO]:
    """Return the handler that the setting describes, writing to memory."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(ProcessorFormatter(**{k: v for k, v in formatter.items() if k != "()"}))  # type: ignore[arg-type]
    handler.addFilter(RoutesForPaths())
    return handler


@pytest.fixture(autouse=True)
def _structlog_stays_as_it_is() -> Iterator[None]:
    """Put back what `logging_config` replaces: loggers that were used before hold on to it."""
    found = structlog.get_config()
    yield
    structlog.configure(**found)


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Collect what goes to stdout."""
    handler = handler_of(settings.LOGGING["formatters"]["line"])
    logging.getLogger().addHandler(handler)
    yield handler.stream.getvalue
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("place", ["accounts/invitations", "accounts/password/reset", "nowhere"])
def test_a_link_that_leads_nowhere_is_logged_without_its_token(db: None, lines: Lines, place: str) -> None:
    assert Client().post(f"/{place}/{TOKEN}/", {"password": "one long sentence"}).status_code >= 400
    found = lines()
    assert "django.request" in found
    assert "status=4" in found
    assert TOKEN not in found


def test_a_fault_on_an_address_with_a_token_is_logged_by_its_template(
    actors: Actors, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError(f"no route to https://ann:hunter22@db.example/?token={TOKEN}")

    monkeypatch.setattr("apps.accounts.account_views.services.verify_email", fail)
    client = Client(raise_request_exception=False)
    assert client.post(f"/accounts/verify/{TOKEN}/").status_code == 500
    found = lines()
    assert "Internal Server Error: accounts/verify/<str:key>/" in found
    assert "RuntimeError: no route to https://***@db.example/?token=***" in found
    assert TOKEN not in found
    assert "hunter22" not in found


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"key {KEY} refused", "key *** refused"),
        ("Bearer eyJhbGciOi.eyJzdWIiOiIx.c2ln", "Bearer ***"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "***"),
        ("amqp://sextant:hunter22@queue:5672/", "amqp://***@queue:5672/"),
        (f'127.0.0.1:1 - "WebSocket /ws/live?token={TOKEN}&a=b" [accepted]',
         '127.0.0.1:1 - "WebSocket /ws/live?token=***&a=b" [accepted]'),
        (f"/api/v1/me?api_key={TOKEN}", "/api/v1/me?api_key=***"),
        (f"GET /accounts/invitations/{TOKEN}/ HTTP/1.1", "GET /accounts/invitations/***/ HTTP/1.1"),
        ("/accounts/verify/.eJwFwUEKgCAQBdC7-1vAbc:1rXyZ0:" + "s" * 43, "/accounts/verify/***"),
        ("/api/v1/datasets/01936f4e-7b5e-7cc3-98c4-dc0c0c07398f",
         "/api/v1/datasets/01936f4e-7b5e-7cc3-98c4-dc0c0c07398f"),
    ],
)  # fmt: skip
def test_secrets_are_known_by_their_looks(text: str, left: str) -> None:
    assert redact(text) == left


def test_secrets_are_known_by_their_names_however_deep() -> None:
    event = {"headers": [{"Cookie": "a=b", "Accept": "x"}], "metrics_token": "t", "name": "Ann"}
    assert redact(event) == {
        "headers": [{"Cookie": "***", "Accept": "x"}],
        "metrics_token": "***",
        "name": "Ann",
    }


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_trace_is_redacted_in_both_formats(*, json_lines: bool) -> None:
    formatter = logging_config(level="INFO", json_lines=json_lines, is_command=True)["formatters"]["line"]
    handler = handler_of(formatter)
    error = ValueError(KEY)
    record = logging.LogRecord("any", logging.ERROR, __file__, 1, "failed", None, (ValueError, error, None))
    handler.handle(record)
    found = handler.stream.getvalue()
    assert "ValueError: ***" in found
    assert KEY not in found


def test_a_command_logs_beside_what_it_prints_and_servers_log_to_stdout() -> None:
    streams = [
        logging_config(level="INFO", json_lines=True, is_command=is_command)["handlers"]["lines"]["stream"]
        for is_command in (True, False)
    ]
    assert streams == ["ext://sys.stderr", "ext://sys.stdout"]
    assert settings.ROLE == "command"
    assert settings.LOGGING["handlers"]["lines"]["stream"] == "ext://sys.stderr"
