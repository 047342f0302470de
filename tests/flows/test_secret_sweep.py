"""Proof 16 of the platform: no issued secret is in a log, at the broker or in the text of the database.

Every kind of secret there is comes to life in the real processes, and some are still on their way, with the
worker dead, when everything that the installation holds is searched. What is left out are mails, which have
to carry links, and the operator's own files of secrets.
"""

import base64
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import redis
from django.db import connection
from websockets.sync.client import connect

from apps.accounts.models import User
from tests.factories.accounts import UserFactory
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow

LINK = re.compile(r"/accounts/(?:verify|password/reset|invitations)/([^/\s\"]+)/")
BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")
MAIL_S = 120.0


@dataclass
class Sweep:
    """What has been issued so far, by what it is, and how each is asked for."""

    stack: Stack
    issued: dict[str, str] = field(default_factory=dict)

    def note(self, what: str, secret: str) -> str:
        """Remember a secret."""
        assert len(secret) >= 10, what
        self.issued[what] = secret
        return secret

    def fresh_password(self, what: str) -> str:
        """Return a password that stands nowhere else."""
        return self.note(what, f"Pw-{secrets.token_urlsafe(18)}")

    def call(self, method: str, path: str, *, expected: int, **options: Any) -> httpx.Response:
        """Call the API."""
        answer = httpx.request(method, f"{self.stack.url}/api/v1{path}", timeout=60, **options)
        assert answer.status_code == expected, answer.text
        return answer

    def sign_in(self, what: str, email: str, password: str) -> dict[str, str]:
        """Sign in by the API; return the header that calls as that person."""
        body = {"email": email, "password": password}
        pair = self.call("POST", "/auth/login", expected=200, json=body).json()
        self.note(f"access token of {what}", pair["access"])
        self.note(f"refresh token of {what}", pair["refresh"])
        return {"Authorization": f"Bearer {pair['access']}"}

    def link_to(self, email: str, what: str) -> str:
        """Wait for the newest mail to an address, and return the secret of its link."""
        deadline_s = time.monotonic() + MAIL_S
        while time.monotonic() < deadline_s:
            mails = [
                text for text in self._mails() if f"To: {email}" in text and LINK.search(text) is not None
            ]
            for text in mails:
                key = LINK.findall(text)[0]
                if key not in self.issued.values():
                    return self.note(what, key)
            time.sleep(0.2)
        pytest.fail(f"no mail with {what}")

    def _mails(self) -> Iterator[str]:
        for path in sorted((self.stack.var_dir / "mail").iterdir()):
            yield path.read_text().replace("=\n", "").replace("=3D", "=")


def test_no_issued_secret_is_in_logs_at_the_broker_or_in_the_database(
    stack: Stack, stack_actors: Actors
) -> None:
    sweep = Sweep(stack)
    admin = stack_actors.admin.user
    assert admin is not None
    password = sweep.fresh_password("password of the admin")
    admin.set_password(password)
    admin.save()

    guest = join_by_invitation(sweep, stack_actors, sweep.sign_in("admin", admin.email, password))
    confirm_an_address(sweep)
    password = set_a_new_password(sweep, guest)
    use_a_page(sweep, guest, password)
    use_keys(sweep, sweep.sign_in("admin again", admin.email, sweep.issued["password of the admin"]))
    send_secrets_where_they_do_not_belong(sweep)

    stack.kill("worker")
    headers = sweep.sign_in("admin once more", admin.email, sweep.issued["password of the admin"])
    body = {"email": "late@example.com", "role": "viewer"}
    path = f"/organizations/{stack_actors.organization.pk}/invitations"
    sweep.call("POST", path, expected=201, json=body, headers=headers)
    sweep.call("POST", "/auth/password/forgot", expected=202, json={"email": guest})
    while_waiting = everything(stack)
    stack.start("worker")
    sweep.link_to("late@example.com", "invitation on its way")
    sweep.link_to(guest, "reset link on its way")
    in_the_end = everything(stack)

    assert len(sweep.issued) >= 25
    assert b"job_ended" in in_the_end["log of the worker"]
    assert guest.encode() in in_the_end["database"]
    found = [
        (what, place)
        for places in (while_waiting, in_the_end)
        for place, content in places.items()
        for what, secret in sweep.issued.items()
        if any(form in content for form in forms_of(secret))
    ]
    assert found == []


def join_by_invitation(sweep: Sweep, actors: Actors, admin: dict[str, str]) -> str:
    """Invite somebody and have them register; return their address."""
    email = "guest-of-the-sweep@example.com"
    path = f"/organizations/{actors.organization.pk}/invitations"
    sweep.call("POST", path, expected=201, json={"email": email, "role": "analyst"}, headers=admin)
    token = sweep.link_to(email, "invitation")
    httpx.get(f"{sweep.stack.url}/accounts/invitations/{token}/", timeout=60)
    password = sweep.fresh_password("password of a registration")
    body = {"email": email, "name": "Guest", "password": password, "invitation_token": token}
    sweep.call("POST", "/auth/register", expected=202, json=body)
    wait_until(lambda: User.objects.filter(email=email, email_verified_at__isnull=False).exists())
    sweep.sign_in("guest", email, password)
    return email


def confirm_an_address(sweep: Sweep) -> None:
    """Have the link of a confirmation sent, look at its page, and use it twice."""
    email = "unconfirmed-of-the-sweep@example.com"
    UserFactory.create(email=email, email_verified_at=None)
    sweep.call("POST", "/auth/verify-email/resend", expected=202, json={"email": email})
    key = sweep.link_to(email, "confirmation link")
    assert httpx.get(f"{sweep.stack.url}/accounts/verify/{key}/", timeout=60).status_code == 200
    sweep.call("POST", "/auth/verify-email", expected=204, json={"key": key})
    sweep.call("POST", "/auth/verify-email", expected=422, json={"key": key})


def set_a_new_password(sweep: Sweep, email: str) -> str:
    """Forget a password, set another one by the link, change that as well; return the last."""
    sweep.call("POST", "/auth/password/forgot", expected=202, json={"email": email})
    key = sweep.link_to(email, "reset link")
    httpx.get(f"{sweep.stack.url}/accounts/password/reset/{key}/", timeout=60)
    first = sweep.fresh_password("password set by a link")
    sweep.call("POST", "/auth/password/reset", expected=204, json={"key": key, "password": first})
    headers = sweep.sign_in("guest with a new password", email, first)
    second = sweep.fresh_password("password changed")
    body = {"current": first, "new": second}
    sweep.call("POST", "/auth/password/change", expected=204, json=body, headers=headers)
    return second


def use_a_page(sweep: Sweep, email: str, password: str) -> None:
    """Sign in by the page, and take tokens of it as a cookie, renewed once."""
    with httpx.Client(base_url=sweep.stack.url, timeout=60) as browser:
        form = browser.get("/accounts/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        assert token
        sweep.note("CSRF token of a form", token[1])
        values = {"login": email, "password": password, "csrfmiddlewaretoken": token[1]}
        assert browser.post("/accounts/login/", data=values).status_code == 302
        assert browser.get("/accounts/sessions/").status_code == 200
        sweep.note("session cookie", browser.cookies["sx_session"])
        csrf = sweep.note("CSRF cookie", browser.cookies["sx_csrf"])
        headers = {"X-CSRFToken": csrf}
        answer = browser.post("/api/v1/auth/token", json={"transport": "cookie"}, headers=headers)
        assert answer.status_code == 200, answer.text
        sweep.note("access token of a page", answer.json()["access"])
        sweep.note("refresh cookie", browser.cookies["sx_refresh"])
        answer = browser.post("/api/v1/auth/refresh", json={}, headers=headers)
        assert answer.status_code == 200, answer.text
        sweep.note("access token renewed", answer.json()["access"])
        sweep.note("refresh cookie renewed", browser.cookies["sx_refresh"])


def use_keys(sweep: Sweep, admin: dict[str, str]) -> None:
    """Make, repeat, rotate and use keys, over HTTP, MCP and the websocket; show the operator's tokens."""
    body = {"name": "Robot", "role": "admin", "scopes": ["datasets:manage", "datasets:write", "mcp"]}
    once = admin | {"Idempotency-Key": "sweep-1"}
    made = sweep.call("POST", "/api-keys", expected=201, json=body, headers=once).json()
    first = sweep.note("API key", made["key"])
    assert sweep.call("POST", "/api-keys", expected=201, json=body, headers=once).json()["key"] is None
    path = f"/api-keys/{made['id']}/rotate"
    second = sweep.note(
        "API key rotated", sweep.call("POST", path, expected=201, json={}, headers=admin).json()["key"]
    )
    sweep.call("GET", "/api-keys", expected=403, headers={"X-API-Key": first})
    sweep.call("POST", "/datasets", expected=201, json={"name": "Sweep"}, headers={"X-API-Key": second})
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"X-API-Key": second, "Accept": "application/json, text/event-stream"}
    httpx.post(f"{sweep.stack.url}/mcp", json=message, headers=headers, timeout=60)
    with connect(sweep.stack.live_url) as live:
        live.send(json.dumps({"op": "auth", "token": second}))
        assert json.loads(live.recv(timeout=60))["op"] == "welcome"
    for path, name in (("/healthz", "HEALTH_TOKEN"), ("/metrics", "METRICS_TOKEN")):
        token = sweep.note(name, sweep.stack.tokens[name])
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{sweep.stack.url}{path}", headers=headers, timeout=60).is_success


def send_secrets_where_they_do_not_belong(sweep: Sweep) -> None:
    """Put secrets into addresses and bodies that refuse them, and mistype a password."""
    key, access = sweep.issued["API key"], sweep.issued["access token of guest"]
    sweep.call("GET", f"/datasets?api_key={key}", expected=400)
    sweep.call("GET", "/datasets", expected=401, headers={"X-API-Key": f"{key[:-1]}!"})
    for path in (f"/nowhere/{access}", f"/accounts/password/reset/{access}/", f"/api/v1/{key}"):
        assert httpx.get(f"{sweep.stack.url}{path}", timeout=60).status_code in {200, 404, 422}
    mistyped = sweep.fresh_password("password mistyped")
    body = {"email": "guest-of-the-sweep@example.com", "password": mistyped}
    sweep.call("POST", "/auth/login", expected=401, json=body)
    sweep.call("POST", "/auth/login", expected=422, json=body | {"passwort": mistyped})
    with connect(f"{sweep.stack.live_url}?token={access}") as live:
        assert json.loads(live.recv(timeout=60))["code"] == "auth.key_in_query"


def wait_until(is_so: Any) -> None:
    """Wait for a job of the worker."""
    deadline_s = time.monotonic() + MAIL_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def forms_of(secret: str) -> list[bytes]:
    """Return how a secret might be written: as it is, or as the hexadecimal digits of a bytea."""
    return [secret.encode(), secret.encode().hex().encode()]


def everything(stack: Stack) -> dict[str, bytes]:
    """Return what the installation holds, by place."""
    logs = {f"log of the {name}": stack.log(name).encode() for name in ("web", "worker")}
    return {**logs, "broker": b"\n".join(at_the_broker(stack)), "database": b"\n".join(in_the_database())}


def at_the_broker(stack: Stack) -> Iterator[bytes]:
    """Yield every key of Valkey with its value, and what is packed into base64 in it."""
    client = redis.Redis.from_url(stack.redis_url)
    for key in client.scan_iter(count=1_000):
        content = b"\n".join([key, *_values(client, key)])
        yield content
        for packed in BASE64.findall(content):
            yield base64.b64decode(packed + b"=" * (-len(packed) % 4))


def _values(client: redis.Redis, key: bytes) -> list[bytes]:
    read: dict[Any, Any] = {
        b"string": lambda: [client.get(key)],
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"hash": lambda: [each for pair in client.hgetall(key).items() for each in pair],
        b"zset": lambda: client.zrange(key, 0, -1),
        b"stream": lambda: [repr(client.xrange(key)).encode()],
    }
    kind = client.type(key)
    return [value or b"" for value in read[kind]()] if kind in read else []


def in_the_database() -> Iterator[bytes]:
    """Yield every row of every table as text; columns of bytes as hexadecimal digits."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(table)} t")
            yield from (text.encode() for (text,) in cursor.fetchall())
