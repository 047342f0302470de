"""Jobs and notices over MCP: one's own organization, one's own notices, cancel with the service's rules."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import AuditEntry, Level, Notification, Role
from apps.accounts.services import create_api_key, sign_in
from apps.common.db import JobStatus
from apps.datasets.models import Dataset, Import
from tests.furniture.people import Actors, Person
from tests.mcp.conftest import KeyMaker, McpClient, error_of

PASSWORD = "correct horse battery"
MANAGING = ("datasets:read", "datasets:write", "accounts:manage")


@pytest.fixture
def make_job(actors: Actors) -> Callable[..., Import]:
    def make(status: str = JobStatus.QUEUED, **fields: Any) -> Import:
        organization = fields.pop("organization", None) or actors.organization
        dataset = Dataset.objects.create(organization=organization, name=uuid.uuid4().hex)
        return Import.objects.create(dataset=dataset, status=status, options={"dry_run": False}, **fields)

    return make


def with_token(person: Person) -> McpClient:
    assert person.user is not None
    person.user.set_password(PASSWORD)
    person.user.save()
    pair = sign_in(email=person.user.email, password=PASSWORD, label="")
    return McpClient(pair.access)


def test_jobs_are_listed_newest_first_and_narrowed(
    mcp_key: KeyMaker, make_job: Callable[..., Import]
) -> None:
    client = mcp_key()
    waiting = make_job()
    fault = {"error_code": "datasets.too_many_rejects", "error_detail": "9 of 10.", "error_trace": "secret"}
    failed = make_job(JobStatus.FAILED, finished_at=timezone.now(), **fault)

    first = client.call("jobs_list", page_size=1)
    second = client.call("jobs_list", page_size=1, cursor=first["next_cursor"])
    assert [row["id"] for page in (first, second) for row in page["jobs"]] == [
        str(failed.pk),
        str(waiting.pk),
    ]
    assert second["next_cursor"] is None
    for narrowing in ({"status": "failed"}, {"dead": True}):
        assert [row["id"] for row in client.call("jobs_list", **narrowing)["jobs"]] == [str(failed.pk)]
    assert client.call("jobs_list", kind="nothing.here")["jobs"] == []
    assert "secret" not in str(client.call("jobs_get", id=str(failed.pk)))


def test_a_job_is_read_by_tool_and_by_address(mcp_key: KeyMaker, make_job: Callable[..., Import]) -> None:
    client, row = mcp_key(), make_job()

    facts = client.call("jobs_get", id=str(row.pk))
    assert (facts["kind"], facts["status"], facts["error"]) == ("datasets.import", "queued", None)
    assert facts["target"]["id"] == str(row.dataset_id)
    contents = client.result("resources/read", {"uri": facts["uri"]})["contents"]
    assert str(row.pk) in contents[0]["text"]


def test_a_stranger_finds_no_job(actors: Actors, make_job: Callable[..., Import]) -> None:
    row = make_job()
    scopes = ["mcp", *MANAGING]
    _, raw = create_api_key(actor=actors.stranger.actor, name="k", role=Role.ADMIN, scopes=scopes)
    stranger = McpClient(raw)

    assert stranger.call("jobs_list")["jobs"] == []
    for tool in ("jobs_get", "jobs_cancel"):
        assert stranger.problem(tool, id=str(row.pk))["code"] == "not_found"
    assert error_of(stranger.send("resources/read", {"uri": f"sextant://jobs/job/{row.pk}"})) == (400, -32602)
    row.refresh_from_db()
    assert row.status == JobStatus.QUEUED


def test_jobs_of_a_product_that_one_may_not_view_are_hidden(
    mcp_key: KeyMaker, make_job: Callable[..., Import]
) -> None:
    row, client = make_job(), mcp_key(Role.ADMIN, ("accounts:read",))

    assert client.call("jobs_list")["jobs"] == []
    assert client.problem("jobs_get", id=str(row.pk))["code"] == "not_found"


def test_a_job_is_cancelled_by_whoever_started_it_or_manages_jobs(
    mcp_key: KeyMaker, actors: Actors, make_job: Callable[..., Import]
) -> None:
    own, others = make_job(created_by=actors.analyst.user), make_job()
    analyst, manager = with_token(actors.analyst), mcp_key(Role.ADMIN, MANAGING)

    assert analyst.call("jobs_cancel", id=str(own.pk))["status"] == "cancelled"
    assert analyst.problem("jobs_cancel", id=str(others.pk))["code"] == "permission.denied"
    assert manager.call("jobs_cancel", id=str(others.pk))["status"] == "cancelled"
    assert AuditEntry.objects.filter(verb="accounts.job_cancelled").count() == 2
    done = make_job(JobStatus.SUCCEEDED, finished_at=timezone.now())
    assert manager.problem("jobs_cancel", id=str(done.pk))["code"] == "job.not_cancellable"


def test_cancelling_is_not_offered_to_who_only_looks(
    mcp_key: KeyMaker, make_job: Callable[..., Import]
) -> None:
    row, viewer = make_job(), mcp_key(Role.VIEWER)

    assert "jobs_cancel" not in viewer.tool_names()
    assert "jobs_cancel" not in mcp_key(Role.ADMIN, ("datasets:read",)).tool_names()
    assert viewer.problem("jobs_cancel", id=str(row.pk))["code"] == "permission.denied"


def test_people_read_their_own_notices_of_this_organization(actors: Actors) -> None:
    client = with_token(actors.viewer)

    def tell(person: Person, title: str, **fields: Any) -> None:
        assert person.user is not None
        common = {"kind": "test.told", "level": Level.INFO, "dedupe_key": uuid.uuid4().hex}
        Notification.objects.create(user=person.user, title=title, **(common | fields))

    tell(actors.viewer, "Read", organization=actors.organization, read_at=timezone.now())
    tell(actors.viewer, "Yours", organization=actors.organization)
    tell(actors.viewer, "The installation's")
    tell(actors.viewer, "Elsewhere", organization=actors.stranger.organization)
    tell(actors.viewer, "By mail", is_in_app=False)
    tell(actors.analyst, "Somebody else's", organization=actors.organization)

    listed = client.call("notifications_list")["notifications"]
    assert [notice["title"] for notice in listed] == ["The installation's", "Yours", "Read"]
    unread = client.call("notifications_list", unread=True, page_size=1)
    assert [notice["title"] for notice in unread["notifications"]] == ["The installation's"]
    assert unread["next_cursor"]
    assert Notification.objects.unread().filter(title="Yours").exists()


def test_a_key_has_no_notices(mcp_key: KeyMaker) -> None:
    client = mcp_key(Role.ADMIN, ("accounts:read",))

    assert "notifications_list" not in client.tool_names()
    problem = client.problem("notifications_list")
    assert (problem["code"], "is not offered" in problem["detail"]) == ("permission.denied", True)


def test_a_job_that_a_key_started_is_the_keys_to_cancel(
    mcp_key: KeyMaker, actors: Actors, make_job: Callable[..., Import]
) -> None:
    key, raw = create_api_key(
        actor=actors.admin.actor,
        name="k",
        role=Role.ANALYST,
        scopes=["mcp", "datasets:write", "datasets:read"],
    )
    own = make_job(initiator_key_id=key.pk, created_by=actors.admin.user)
    others = make_job(created_by=actors.admin.user)

    assert McpClient(raw).call("jobs_cancel", id=str(own.pk))["status"] == "cancelled"
    assert McpClient(raw).problem("jobs_cancel", id=str(others.pk))["code"] == "permission.denied"
