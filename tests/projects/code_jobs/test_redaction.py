"""Secrets never leave: twelve kinds of them, anywhere in a file, and files whose name says enough."""

import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.projects.documenting.outgoing import CALL_MAX_BYTES
from apps.projects.documenting.redaction import is_never_sent, redact

LETTERS = string.ascii_letters + string.digits
SECRETS = {
    "private_key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow" + "Ab3" * 40 + "\n-----END RSA PRIVATE KEY-----",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "aws_access_key": "AKIA" + "IOSFODNN7QEXAMPL",
    "google_key": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"[:35],
    "azure_key": "AccountKey=" + "Ab3dEf6h" * 10 + "==",
    "github_token": "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "gitlab_token": "glpat-" + "x1Y2z3A4b5C6d7E8f9G0",
    "slack_token": "xoxb-" + "123456789012-abcdefABCDEF",
    "payment_key": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "api_key": "sk-" + "proj-abcdefGHIJKL0123456789mnop",
    "url_password": "postgres://app:hunter2Zq9@db.example/app",
    "bearer_token": "Authorization: Bearer abcdef0123456789ABCDEF",
    "assigned_secret": 'DB_PASSWORD = "x9!kQ2#vLm8$"',
}
# What of each must be gone: the part that opens something.
CORES = {
    "azure_key": "Ab3dEf6h" * 10,
    "private_key": "Ab3" * 40,
    "url_password": "hunter2Zq9",
    "bearer_token": "abcdef0123456789ABCDEF",
    "assigned_secret": "x9!kQ2#vLm8$",
}
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
