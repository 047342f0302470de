"""Secrets never leave: twelve kinds of them, anywhere in a file, and files whose name says enough."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.projects.documenting.outgoing import CALL_MAX_BYTES
from apps.projects.documenting.redaction import is_never_sent, redact
from tests.projects.code_jobs.planted import CORES, SECRETS

AROUND = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60)
PLACES = ("# {}", "KEY = '{}'", '{{"a": "{}"}}', "https://example.com/?x={}", "<!-- {} -->", "\t- {}", "{}")


@pytest.mark.parametrize("kind", SECRETS)
@settings(max_examples=15)
@given(before=AROUND, after=AROUND, place=st.sampled_from(PLACES))
def test_a_planted_secret_does_not_leave(kind: str, before: str, after: str, place: str) -> None:
    text = f"{before}\n{place.format(SECRETS[kind])}\n{after}"
    redacted = redact(text)
    assert CORES.get(kind, SECRETS[kind]) not in redacted.text
    assert sum(redacted.counts.values()) >= 1
    assert redacted.text.count("\n") == text.count("\n")


@pytest.mark.parametrize("kind", SECRETS)
def test_each_kind_is_counted_by_its_name(kind: str) -> None:
    assert redact(f"a = 1\n{SECRETS[kind]}\n").counts == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "password = request.data['password']",
        "token: str | None = None",
        "def authenticate(username, password): ...",
        "api_key = get_api_key()",
        "secrets = load(path)",
        "url = 'https://example.com/a:b@c'",
        "commit 4e965476d6494fcf3389ec979969dc69740ee622",
        "password: ''",
    ],
)
def test_code_that_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert redact(text).text == text


@given(st.text(max_size=2_000))
def test_any_text_is_redacted_once_and_for_all(text: str) -> None:
    once = redact(text).text
    assert redact(once).text == once


def test_a_long_hostile_line_takes_no_time() -> None:
    for part in ("password", "a.b_", "://", "eyJ", "-----BEGIN ", "token = '"):
        started_s = time.process_time()
        redact(part * (CALL_MAX_BYTES // len(part)))
        assert time.process_time() - started_s < 5


@pytest.mark.parametrize(
    "path",
    [".env", "a/.env.production", "x.PEM", "tls/server.key", "id_rsa", "home/.ssh/id_ed25519", "a.p12"],
)
def test_some_files_stay_for_their_name(path: str) -> None:
    assert is_never_sent(path)
    assert not is_never_sent(f"{path}/readme.md")
