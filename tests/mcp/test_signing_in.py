"""Who gets in at `/mcp`: a key with the scope, a token; no cookie, no foreign page."""

import json

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import ApiKey, Organization, Role
from apps.accounts.services import create_api_key, sign_in
from tests.furniture.people import Actors
from tests.mcp.conftest import KeyMaker, McpClient

PASSWORD = "correct horse battery"


def refused(client: McpClient, **headers: str | None) -> tuple[int, str]:
    answer = client.send("tools/list", None, **headers)
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, json.loads(answer.content)["code"]


def test_nobody_and_a_wrong_key_are_asked_to_sign_in(mcp_key: KeyMaker) -> None:
    good = mcp_key().raw_key

    assert refused(McpClient()) == (401, "auth.required")
    assert McpClient().send("tools/list")["WWW-Authenticate"].startswith("Bearer")
    assert refused(McpClient(good[:-1] + ("a" if good[-1] != "a" else "b"))) == (401, "auth.key_invalid")
    assert refused(McpClient(), Authorization="Basic abc") == (401, "auth.token_invalid")


def test_a_key_needs_the_scope(actors: Actors) -> None:
    assert refused(McpClient(actors.key.raw_key)) == (403, "permission.denied")


def test_a_key_signs_in_by_either_header_and_never_by_the_address(mcp_key: KeyMaker) -> None:
    key = mcp_key().raw_key

    assert McpClient(headers={"X-API-Key": key}).tool_names()
    answer = Client().post(f"/mcp?api_key={key}", b"{}", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "auth.key_in_query")


def test_a_revoked_key_is_out_with_the_next_request(mcp_key: KeyMaker, actors: Actors) -> None:
    client = mcp_key()
    assert client.tool_names()
    row = ApiKey.objects.get(prefix=client.raw_key[4:12])
    actors.admin.api.delete(f"/api/v1/api-keys/{row.pk}")

    assert refused(client) == (401, "auth.key_invalid")


def test_a_token_signs_in_and_chooses_the_organization(actors: Actors) -> None:
    user = actors.viewer.user
    assert user is not None
    user.set_password(PASSWORD)
    user.save()
    pair = sign_in(email=user.email, password=PASSWORD, label="")
    client = McpClient(pair.access)

    facts = client.call("accounts_whoami")
    assert (facts["user"]["email"], facts["key"], facts["role"]) == (user.email, None, "viewer")
    foreign = actors.stranger.organization
    assert isinstance(foreign, Organization)
    assert refused(client, X_Organization=foreign.slug) == (404, "not_found")
    assert client.send("tools/list", X_Organization=actors.organization.slug).status_code == 200


def test_a_cookie_signs_nobody_in(actors: Actors) -> None:
    answer = actors.admin.browser.post("/mcp", b"{}", content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (401, "auth.required")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver.evil.example", ""])
def test_a_foreign_page_is_refused_before_anything_else(mcp_key: KeyMaker, origin: str) -> None:
    assert refused(mcp_key(), Origin=origin) == (403, "auth.origin_refused")
    assert refused(McpClient(), Origin=origin) == (403, "auth.origin_refused")


def test_our_own_pages_and_those_of_the_setting_are_let_in(mcp_key: KeyMaker, settings: Settings) -> None:
    settings.CORS_ORIGINS = ["https://app.example"]
    client = mcp_key()

    for origin in ("http://testserver", settings.BASE_URL, "https://app.example"):
        assert client.send("tools/list", Origin=origin).status_code == 200


@pytest.mark.parametrize("method", ["get", "delete", "put", "patch", "options", "head"])
def test_there_is_no_stream_to_open_and_no_session_to_end(db: None, method: str) -> None:
    answer = getattr(Client(), method)("/mcp")

    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_an_address_with_a_slash_leads_to_the_one_without(db: None) -> None:
    answer = Client().post("/mcp/", b"{}", content_type="application/json")

    assert (answer.status_code, answer["Location"]) == (308, "/mcp")


def test_other_media_types_are_refused(mcp_key: KeyMaker) -> None:
    client = mcp_key()

    assert refused(client, Content_Type="text/plain") == (415, "request.unsupported_media_type")
    assert refused(client, Accept="text/event-stream") == (406, "request.not_acceptable")
    for accept in ("application/json", "*/*", "text/html, application/*;q=0.5", None):
        assert client.send("tools/list", Accept=accept).status_code == 200


def test_a_body_over_a_mebibyte_is_refused(mcp_key: KeyMaker) -> None:
    answer = mcp_key().post(b'{"a": "' + b"a" * 1_048_576 + b'"}')

    assert (answer.status_code, json.loads(answer.content)["code"]) == (413, "request.too_large")


def test_a_key_of_one_organization_is_not_found_in_another(actors: Actors) -> None:
    _, raw = create_api_key(actor=actors.stranger.actor, name="k", role=Role.VIEWER, scopes=["mcp"])

    assert refused(McpClient(raw), X_Organization=actors.organization.slug) == (404, "not_found")
