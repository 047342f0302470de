"""The audit over HTTP: admins of an organization read it, filter it, check it and take it with them."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse

from apps.accounts.api import audit_export
from apps.accounts.api.serializers import AuditOut
from apps.accounts.models import AuditEntry, Organization, Role
from apps.accounts.permissions import system_actor
from apps.accounts.services import add_member, record_audit, seal_audit
from apps.common.streaming import stream
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

URL = "/api/v1/audit"


def results(actors: Actors, query: str = "") -> list[Any]:
    answer = actors.admin.api.get(f"{URL}{query}")
    assert answer.status_code == 200, answer.json()
    found: list[Any] = answer.json()["results"]
    return found


def download(actors: Actors, query: str = "") -> str:
    answer = actors.admin.api.get(f"{URL}/export{query}")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def test_an_act_is_there_with_who_what_and_whence(actors: Actors) -> None:
    body = {"name": "CI", "role": "viewer", "scopes": ["datasets:read"]}
    made = actors.admin.api.post(
        "/api/v1/api-keys", body, format="json", HTTP_USER_AGENT="curl/8", HTTP_X_REQUEST_ID="request-0001"
    ).json()

    (entry,) = results(actors, "?verb=accounts.key_created")
    user = actors.admin.user
    assert user is not None
    assert entry["actor"] == {"type": "user", "id": str(user.pk), "label": user.email}
    assert entry["target"]["type"] == "accounts.apikey"
    assert entry["target"]["id"] == made["id"]
    assert entry["changes"]["scopes"] == ["datasets:read"]
    assert (entry["ip"], entry["user_agent"]) == ("127.0.0.1", "curl/8")
    assert (entry["request_id"], entry["sequence"], entry["hash"]) == ("request-0001", None, None)
    assert made["key"] not in json.dumps(entry)
    assert actors.admin.api.get(f"{URL}/{entry['id']}").json() == entry

    actors.admin.api.delete(f"/api/v1/api-keys/{made['id']}")
    actors.admin.api.delete(f"/api/v1/api-keys/{made['id']}")
    assert len(results(actors, f"?target={made['id']}&verb=accounts.key_revoked")) == 1


def test_a_key_acts_under_its_own_name(actors: Actors) -> None:
    actors.key.api.post("/api/v1/datasets", {"name": "Events"}, format="json")
    (entry,) = results(actors, "?verb=datasets.created")
    assert entry["actor"]["type"] == "key"
    assert actors.key.key is not None
    assert entry["actor"]["id"] == str(actors.key.key.pk)


@pytest.mark.parametrize("path", ["", "/verify", "/export"])
@pytest.mark.parametrize("name", ["manager", "analyst", "viewer", "key", "anonymous"])
def test_only_admins_look_at_the_audit(actors: Actors, path: str, name: str) -> None:
    expected = 401 if name == "anonymous" else 403
    assert actors[name].api.get(f"{URL}{path}").status_code == expected


def test_strangers_find_nothing(actors: Actors) -> None:
    record_audit(actor=actors.admin.actor, verb="accounts.key_created")
    (entry,) = results(actors)
    assert actors.stranger.api.get(f"{URL}/{entry['id']}").status_code == 404
    assert actors.stranger.api.get(URL).json()["results"] == []
    assert actors.stranger.api.get(f"{URL}/verify").json()["unsealed"] == 0
    other = str(actors.organization.pk)
    assert actors.stranger.api.get(URL, HTTP_X_ORGANIZATION=other).status_code == 404


def test_the_installations_own_acts_are_seen_in_system(actors: Actors) -> None:
    record_audit(actor=None, verb="accounts.key_created")
    system = Organization.objects.get(slug="system")
    record_audit(actor=system_actor(system), verb="accounts.key_revoked")
    assert results(actors) == []
    assert actors.admin.user is not None
    add_member(organization=system, user=actors.admin.user, role=Role.ADMIN)
    seal_audit()

    api = actors.admin.api
    seen = api.get(
        f"{URL}?sort=sequence&verb=accounts.key_created&verb=accounts.key_revoked",
        HTTP_X_ORGANIZATION="system",
    ).json()["results"]
    assert [entry["verb"] for entry in seen] == ["accounts.key_created", "accounts.key_revoked"]
    assert api.get(f"{URL}/verify", HTTP_X_ORGANIZATION="system").json()["valid"] is True


def test_each_filter_narrows_and_unknown_ones_are_refused(actors: Actors) -> None:
    actor = actors.admin.actor
    for verb in ("a.one", "a.two", "a.three"):
        record_audit(actor=actor, verb=verb, target=actors.organization if verb == "a.two" else None)
    record_audit(actor=system_actor(actors.organization), verb="a.four")
    middle = AuditEntry.objects.get(verb="a.two")
    assert actor.user is not None

    def verbs(query: str) -> set[str]:
        return {entry["verb"] for entry in results(actors, f"?{query}")}

    at = middle.created_at.isoformat().replace("+00:00", "Z")
    assert verbs("verb=a.one&verb=a.two") == {"a.one", "a.two"}
    assert verbs(f"actor={actor.user.pk}") == {"a.one", "a.two", "a.three"}
    assert verbs("actor_type=system") == {"a.four"}
    assert verbs(f"target={actors.organization.pk}") == {"a.two"}
    assert verbs("target_type=accounts.organization") == {"a.two"}
    assert verbs("request_id=unheard-of") == set()
    assert verbs(f"created_at__gte={at}&created_at__lt={at}") == set()
    assert verbs(f"created_at__lte={at}") == {"a.one", "a.two"}
    for path in ("", "/export"):
        for query in ("who=me", "actor=me", "created_at__gte=yesterday", "actor_type=god"):
            assert actors.admin.api.get(f"{URL}{path}?{query}").status_code == 422
    assert actors.admin.api.get(f"{URL}/export?format=xml").status_code == 422
    assert actors.admin.api.get(f"{URL}/verify?verb=a.one").status_code == 422


def test_the_export_holds_everything_once_oldest_first(
    actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_export, "READ_AT_ONCE", 3)
    for step in range(10):
        record_audit(actor=actors.admin.actor, verb="a.step", changes={"step": step})
    seal_audit()

    lines = [json.loads(line) for line in download(actors).splitlines()]
    assert [line["changes"]["step"] for line in lines] == list(range(10))
    assert lines == results(actors, "?sort=created_at")
    rows = list(csv.DictReader(io.StringIO(download(actors, "?format=csv"))))
    assert [json.loads(row["changes"])["step"] for row in rows] == list(range(10))
    assert [row["sequence"] for row in rows] == [str(number) for number in range(1, 11)]
    assert rows[0]["hash"] == lines[0]["hash"]
    assert download(actors, "?verb=a.other") == ""


def test_a_spreadsheet_runs_nothing_of_an_export(actors: Actors) -> None:
    actors.admin.api.post("/api/v1/datasets", {"name": "=1+1"}, format="json", HTTP_USER_AGENT="=cmd()")
    (row,) = csv.DictReader(io.StringIO(download(actors, "?format=csv&verb=datasets.created")))
    assert (row["user_agent"], row["target_label"]) == ("'=cmd()", "'=1+1")


async def test_an_asgi_server_sends_pieces_as_they_are_made() -> None:
    made = []

    def pieces() -> Any:
        for number in range(3):
            made.append(number)
            yield b"%d" % number

    request = ASGIRequest({"type": "http", "method": "GET", "path": "/", "headers": []}, io.BytesIO())
    response: StreamingHttpResponse = stream(request, pieces(), content_type="text/plain", file_name="a.txt")
    received = []
    async for piece in response:
        received.append(piece)
        assert len(made) == len(received)
    assert received == [b"0", b"1", b"2"]


def test_secrets_and_bad_text_never_reach_an_entry(actors: Actors) -> None:
    changes = {
        "password": "hunter2",
        "url": "https://me:hunter2@example.com",
        "note": "a\0b\ud800 \\u0000",
        "deep": [{"refresh_token": "abc"}],
    }
    entry = record_audit(actor=actors.admin.actor, verb="a.step", changes=changes)
    assert AuditEntry.objects.get(pk=entry.pk).changes == {
        "password": "***",
        "url": "https://***@example.com",
        "note": "ab? \\u0000",
        "deep": [{"refresh_token": "***"}],
    }
    seal_audit()
    assert actors.admin.api.get(f"{URL}/verify").json()["valid"] is True


def test_the_list_asks_the_same_number_of_queries_for_any_number_of_rows(
    actors: Actors, same_queries: Check
) -> None:
    same_queries(
        "GET /api/v1/audit",
        lambda: record_audit(actor=actors.admin.actor, verb="a.step", target=actors.organization),
        lambda: actors.admin.api.get(URL),
    )


def test_an_entry_says_what_the_serializer_says(actors: Actors) -> None:
    entry = record_audit(actor=None, verb="a.step")
    assert AuditOut(entry).data["actor"] == {"type": "system", "id": None, "label": ""}
