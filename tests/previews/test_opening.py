"""What the holder of a token gets, and everything that looks the same to whoever should get nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Membership, Organization, Role
from apps.previews import services
from apps.previews.api.doors import ResolvedOut
from apps.previews.api.downloads import granted
from apps.previews.api.serializers import PreviewOpenedOut
from apps.previews.models import AccessEntry, Device, Session, Token
from apps.projects.models import Project
from tests.factories.projects import ProjectMemberFactory
from tests.furniture.people import Actors
from tests.previews.conftest import Ready
from tests.previews.stories import DEVICE, SESSIONS, create, fetch, project_of, visit, zip_of


def assert_gone(token: str) -> None:
    for call in ("resolve", "grants"):
        answer = visit(call, token)
        assert (answer.status_code, answer.json()["code"]) == (404, "previews.not_available")


def test_a_token_shows_a_name_and_a_platform_and_nothing_else_of_the_project(
    actors: Actors, ready: Ready
) -> None:
    project = project_of(actors.analyst, name="Lighthouse")
    made = ready(project=project)
    answer = visit("resolve", made["token"])
    assert set(answer.json()) == {
        "session_id", "status", "platform", "project_name", "revision", "expires_at", "server_time",
        "next_poll_s", "bundle", "dev_server_url", "insecure",
    }  # fmt: skip
    assert answer.json()["project_name"] == "Lighthouse"
    assert str(project.pk) not in answer.content.decode()
    for name, value in {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }.items():
        assert answer[name] == value
        assert visit("resolve", "sxp_" + "a" * 32)[name] == value


def test_unknown_expired_revoked_and_malformed_tokens_get_one_answer(actors: Actors) -> None:
    expired, revoked = create(actors.analyst), create(actors.analyst)
    Session.objects.filter(pk=expired["id"]).update(expires_at=timezone.now() - timedelta(seconds=5))
    actors.analyst.api.post(f"{SESSIONS}/{revoked['id']}/revoke")
    answers = []
    for token in (expired["token"], revoked["token"], "sxp_" + "a" * 32, "short", ""):
        body = visit("resolve", token).json()
        answers.append({name: value for name, value in body.items() if name != "request_id"})
    answers.append({**visit("resolve", "x", Authorization="Bearer x").json()})
    answers[-1].pop("request_id")
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["code"] == "previews.not_available"


def archive(project: Project, _: Actors) -> None:
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now())


def delete(project: Project, _: Actors) -> None:
    Project.objects.filter(pk=project.pk).update(deleted_at=timezone.now())


def suspend(project: Project, _: Actors) -> None:
    Organization.objects.filter(pk=project.organization_id).update(suspended_at=timezone.now())


def demote(_: Project, actors: Actors) -> None:
    Membership.objects.filter(user=actors.analyst.user).update(role=Role.VIEWER)


def leave(_: Project, actors: Actors) -> None:
    Membership.objects.filter(user=actors.analyst.user).delete()


def give_away(project: Project, actors: Actors) -> None:
    Project.objects.filter(pk=project.pk).update(owner=actors.admin.user)


@pytest.mark.parametrize("act", [archive, delete, suspend, demote, leave, give_away])
def test_whatever_takes_the_right_to_share_away_acts_on_the_next_call(
    actors: Actors, ready: Ready, act: Callable[[Project, Actors], None]
) -> None:
    project = project_of(actors.analyst)
    made = ready(project=project)
    url = visit("grants", made["token"]).json()["url"]
    act(project, actors)
    assert_gone(made["token"])
    assert fetch(url).status_code == 404


@pytest.mark.parametrize("name", ["admin", "manager", "analyst"])
def test_whoever_may_edit_a_project_can_share_it(actors: Actors, name: str) -> None:
    project = project_of(actors.admin)
    if name == "analyst":
        ProjectMemberFactory.create(project=project, user=actors.analyst.user, role="editor")
    made = create(actors[name], project)
    assert visit("resolve", made["token"]).status_code == 200


def test_a_slot_is_taken_by_the_first_grant_and_kept(actors: Actors, ready: Ready) -> None:
    made = ready()
    assert visit("resolve", made["token"], device_id="b" * 16).status_code == 200
    assert [visit("grants", made["token"]).status_code for _ in range(3)] == [200] * 3
    other = visit("grants", made["token"], device_id="b" * 16)
    assert (other.status_code, other.json()["code"]) == (409, "previews.device_limit")
    assert visit("resolve", made["token"], device_id="b" * 16).status_code == 200
    session = Session.objects.get(pk=made["id"])
    assert (session.uses, session.devices.count()) == (1, 1)
    assert AccessEntry.objects.filter(session=session, kind="refused").count() == 1
    assert DEVICE not in repr(list(Device.objects.values()))


def test_a_removed_device_gets_nothing_and_its_slot_is_free(actors: Actors, ready: Ready) -> None:
    made = ready()
    url = visit("grants", made["token"]).json()["url"]
    address = f"{SESSIONS}/{made['id']}/devices"
    (device,) = actors.analyst.api.get(address).json()["results"]
    assert actors.analyst.api.delete(f"{address}/{device['id']}").status_code == 204
    assert fetch(url).status_code == 404
    assert_gone(made["token"])
    assert visit("grants", made["token"], device_id="b" * 16).status_code == 200
    assert actors.analyst.api.delete(f"{address}/{device['id']}").status_code == 404
    assert Session.objects.get(pk=made["id"]).uses == 1


def test_a_download_can_be_resumed_by_range(actors: Actors, ready: Ready) -> None:
    made, content = ready(), zip_of()
    grant = visit("grants", made["token"]).json()
    whole = fetch(grant["url"])
    assert whole.getvalue() == content
    assert whole["Content-Disposition"].startswith("attachment")
    assert whole["X-Content-Type-Options"] == "nosniff"
    assert (whole["Cache-Control"], whole["Referrer-Policy"]) == ("no-store", "no-referrer")
    for header, start, end in (("bytes=5-9", 5, 10), ("bytes=5-", 5, len(content)), ("bytes=-7", -7, None)):
        part = fetch(grant["url"], Range=header)
        assert (part.status_code, part.getvalue()) == (206, content[start:end])
        assert part["Content-Range"].endswith(f"/{len(content)}")
    assert fetch(grant["url"], Range=f"bytes={len(content)}-").status_code == 416
    for ignored in ("bytes=9-5", "bytes=0-1,3-4", "lines=1-2", "bytes=-"):
        assert fetch(grant["url"], Range=ignored).getvalue() == content
    other = fetch(grant["url"], Range="bytes=0-1", **{"If-Range": '"other"'})
    assert (other.status_code, other.getvalue()) == (200, content)
    logged = AccessEntry.objects.filter(session=made["id"], kind="download").order_by("pk")
    assert [entry.bytes for entry in logged][:3] == [len(content), 5, len(content) - 5]


def test_expiry_lets_a_begun_download_end_and_refuses_the_next(actors: Actors, ready: Ready) -> None:
    made = ready()
    url = visit("grants", made["token"]).json()["url"]
    begun = fetch(url)
    Session.objects.filter(pk=made["id"]).update(expires_at=timezone.now() - timedelta(seconds=60))
    assert begun.getvalue() == zip_of()
    assert fetch(url).status_code == 404
    assert_gone(made["token"])


def test_a_grant_ends_after_five_minutes_or_with_the_session(actors: Actors, ready: Ready) -> None:
    made = ready(ttl_s=60)
    grant = visit("grants", made["token"]).json()
    assert grant["expires_at"] == made["expires_at"]
    Token.objects.filter(kind="download").update(expires_at=timezone.now() - timedelta(seconds=60))
    assert fetch(grant["url"]).status_code == 404


def test_a_rotated_token_kills_the_old_one_and_its_grants(actors: Actors, ready: Ready) -> None:
    made = ready()
    url = visit("grants", made["token"]).json()["url"]
    fresh = actors.analyst.api.post(f"{SESSIONS}/{made['id']}/token").json()
    assert fresh["url"].endswith(f"#{fresh['token']}")
    assert fetch(url).status_code == 404
    assert_gone(made["token"])
    assert visit("grants", fresh["token"]).status_code == 200


def test_a_member_opens_without_a_slot(actors: Actors, ready: Ready) -> None:
    made = ready()
    opened = actors.viewer.api.post(f"{SESSIONS}/{made['id']}/open")
    assert opened.status_code == 200
    assert fetch(opened.json()["url"]).getvalue() == zip_of()
    assert Session.objects.get(pk=made["id"]).uses == 0
    assert actors.stranger.api.post(f"{SESSIONS}/{made['id']}/open").status_code == 404


def test_a_preview_for_members_wants_a_member_besides_the_token(actors: Actors, ready: Ready) -> None:
    made = ready(access="members")
    nobody = visit("resolve", made["token"])
    assert (nobody.status_code, nobody.json()["code"]) == (401, "auth.required")
    assert visit("resolve", made["token"], client=actors.viewer.browser).status_code == 200
    assert visit("grants", made["token"], client=actors.viewer.browser).status_code == 200
    stranger = visit("resolve", made["token"], client=actors.stranger.browser)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "previews.not_available")
    hidden = ready(project=project_of(actors.analyst, visibility="private"), access="members")
    assert visit("resolve", hidden["token"], client=actors.viewer.browser).status_code == 404
    assert visit("resolve", hidden["token"], client=actors.analyst.browser).status_code == 200


def test_a_device_id_is_long_enough_to_be_its_own(actors: Actors) -> None:
    made = create(actors.analyst)
    for wrong in ("", "a" * 15, "a" * 65, "with blanks in between"):
        assert visit("resolve", made["token"], device_id=wrong).status_code == 422
    extra = Client().post(
        "/api/v1/preview/resolve",
        {"device_id": DEVICE, "token": made["token"]},
        content_type="application/json",
    )
    assert extra.status_code == 422
    assert visit("resolve", made["token"]).status_code == 200


def test_a_token_in_the_query_is_refused_unread(actors: Actors) -> None:
    made = create(actors.analyst)
    answer = Client().post(f"/api/v1/preview/resolve?token={made['token']}", {"device_id": DEVICE})
    assert (answer.status_code, answer.json()["code"]) == (400, "auth.key_in_query")


def test_the_first_opening_is_noted_once(actors: Actors, ready: Ready) -> None:
    made = ready()
    assert Session.objects.get(pk=made["id"]).first_opened_at is None
    visit("grants", made["token"])
    first = Session.objects.get(pk=made["id"]).first_opened_at
    visit("grants", made["token"])
    assert first is not None
    assert Session.objects.get(pk=made["id"]).first_opened_at == first


def test_a_visit_takes_the_same_few_queries_whatever_it_finds(
    actors: Actors, ready: Ready, django_assert_num_queries: Any
) -> None:
    made = ready()
    visitor = services.Visitor(token=made["token"], device_id=DEVICE)
    services.resolve_preview(visitor=visitor)
    with django_assert_num_queries(2):  # the token; the device with a line of the log
        found = services.resolve_preview(visitor=visitor)
        assert ResolvedOut(found).data["bundle"]["size_bytes"] == len(zip_of())
    granted(services.grant_download(visitor=visitor))
    with django_assert_num_queries(2):  # the token; the device with its grant and a line of the log
        opened = granted(services.grant_download(visitor=visitor))
        assert PreviewOpenedOut(opened).data["size_bytes"] == len(zip_of())
