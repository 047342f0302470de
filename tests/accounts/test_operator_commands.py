"""What an operator does on the command line: administrators and API keys."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, Membership, Organization, User
from apps.accounts.services import create_first_admin
from tests.factories.accounts import OrganizationFactory

pytestmark = pytest.mark.django_db

PASSWORD = "a password of some length"


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def create_key(*more: str) -> str:
    OrganizationFactory.create(slug="depot")
    scopes = ("--scope", "accounts:read", "--scope", "accounts:write")
    return run(
        "create_api_key", "--organization", "depot", "--name", "ci", "--role", "analyst", *scopes, *more
    )


def test_the_raw_key_stands_alone_on_stdout_and_works() -> None:
    out = create_key("--expires", "2099-01-01T00:00:00Z", "--rate-limit", "30")

    raw = out.removesuffix("\n")
    assert "\n" not in raw
    assert APIClient().get("/api/v1/api-keys", HTTP_X_API_KEY=raw).status_code == 200
    row = ApiKey.objects.get()
    assert (row.created_by, row.rate_per_minute, row.expires_at.year) == (None, 30, 2099)  # type: ignore[union-attr]


def test_keys_are_listed_and_revoked_by_id() -> None:
    raw = create_key().strip()
    [row] = json.loads(run("list_api_keys", "--json", "--organization", "depot"))

    assert row["prefix"] == raw[:12]
    assert row["id"] in run("list_api_keys")
    assert run("revoke_api_key", row["id"]) == f"revoked {raw[:12]}\n"
    assert APIClient().get("/api/v1/api-keys", HTTP_X_API_KEY=raw).status_code == 401
    with pytest.raises(CommandError):
        run("revoke_api_key", row["id"])


def test_an_unknown_organization_and_an_empty_scope_end_with_an_error() -> None:
    arguments = ("create_api_key", "--name", "x", "--role", "viewer", "--organization")
    with pytest.raises(CommandError, match="no organization nowhere"):
        run(*arguments, "nowhere", "--scope", "mcp")
    OrganizationFactory.create(slug="depot")
    with pytest.raises(CommandError, match="grants nothing"):
        run(*arguments, "depot", "--scope", "datasets:manage")


def test_the_first_admin_is_staff_signs_in_everywhere_and_is_made_once(client: Client) -> None:
    for password in (PASSWORD, "another password, ignored"):
        create_first_admin(email="Op@example.com", name="Op", password=password, organization_name="Main")

    user = User.objects.get()
    assert user.is_staff
    assert user.check_password(PASSWORD)
    roles = Membership.objects.filter(user=user).values_list("organization__slug", "role")
    assert sorted(roles) == [("main", "admin"), ("system", "admin")]
    assert user.default_organization is not None
    assert user.default_organization.slug == "main"
    body = {"email": "op@example.com", "password": PASSWORD}
    assert APIClient().post("/api/v1/auth/login", body, format="json").status_code == 200
    page = client.post("/accounts/login/", {"login": "op@example.com", "password": PASSWORD})
    assert page.status_code == 302, page.content
    assert client.get("/admin/").status_code == 200


def test_create_admin_reads_the_password_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("create_admin", "--email", "op@example.com", "--name", "Op", "--password-stdin")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    run(*arguments, "--organization", "Depot")

    assert User.objects.get().check_password(PASSWORD)
    assert Organization.objects.filter(name="Depot", slug="depot").exists()
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="too short"):
        run("create_admin", "--email", "b@example.com", "--name", "B", "--password-stdin")


def test_a_fullwidth_password_is_the_same_as_its_plain_form(client: Client) -> None:
    fullwidth = "".join(chr(ord(letter) + 0xFEE0) for letter in "passphrase") + " of mine"
    create_first_admin(email="op@example.com", name="Op", password=fullwidth, organization_name="Main")
    page = client.post("/accounts/login/", {"login": "op@example.com", "password": "passphrase of mine"})
    assert page.status_code == 302


def test_nobody_signs_up_by_themselves(client: Client, settings: Settings) -> None:
    # The page's files are collected by `up`; here their plain names will do.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    body = {"email": "new@example.com", "password1": PASSWORD}

    assert client.post("/accounts/signup/", body).status_code == 403
    assert not User.objects.exists()
