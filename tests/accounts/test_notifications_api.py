"""The API of notices: each person's own, in whatever organization they act."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Level, Notification, NotificationPreference, Organization, User
from apps.common.notices import NoticeKind, register_notice
from tests.factories.accounts import MembershipFactory, OrganizationFactory, UserFactory
from tests.furniture.people import Actors, Person
from tests.furniture.query_counts import Check

URL = "/api/v1/notifications"
PREFERENCES = f"{URL}/preferences"
PLAIN, CRITICAL, SECURITY = "test.plain", "test.critical", "test.security"


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.notices._kinds", {})
    register_notice(NoticeKind(name=PLAIN, title="Something happened"))
    register_notice(NoticeKind(name=CRITICAL, title="Something burns", level=Level.CRITICAL))
    register_notice(NoticeKind(name=SECURITY, title="Somebody was here", is_security=True))


def user_of(person: Person) -> User:
    assert person.user is not None
    return person.user


def make(person: Person, **fields: Any) -> Notification:
    defaults = {"kind": PLAIN, "title": "A title", "dedupe_key": str(uuid.uuid4())}
    return Notification.objects.create(user=user_of(person), **{**defaults, **fields})


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def items(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.content
    return [(item.get("pointer") or item["parameter"], item["code"]) for item in answer.json()["errors"]]


def test_the_newest_comes_first_with_all_that_it_tells(actors: Actors) -> None:
    older = make(actors.viewer)
    newer = make(
        actors.viewer,
        level=Level.CRITICAL,
        body="More",
        organization=actors.organization,
        target_type="datasets.import",
        target_id="7",
        page="/datasets/",
    )
    answer = actors.viewer.api.get(URL)
    assert ids(answer) == [str(newer.pk), str(older.pk)]
    first, second = answer.json()["results"]
    organization = actors.organization
    assert first["organization"] == {
        "id": str(organization.pk),
        "name": organization.name,
        "slug": organization.slug,
    }
    assert first["target"] == {"type": "datasets.import", "id": "7"}
    assert (first["level"], first["body"], first["page"]) == ("critical", "More", "/datasets/")
    assert (first["read_at"], second["target"], second["page"], second["organization"]) == (None,) * 4


@pytest.mark.parametrize("name", ["admin", "manager", "stranger"])
@pytest.mark.parametrize(
    ("method", "path"), [("get", ""), ("delete", ""), ("post", "/read"), ("post", "/unread")]
)
def test_nobody_reaches_the_notices_of_another(actors: Actors, name: str, method: str, path: str) -> None:
    notice = make(actors.viewer, organization=actors.organization)
    answer = getattr(actors[name].api, method)(f"{URL}/{notice.pk}{path}")
    assert answer.status_code == 404
    assert ids(actors[name].api.get(URL)) == []
    assert actors[name].api.post(f"{URL}/read", {"ids": [str(notice.pk)]}, format="json").json() == {
        "read": 0
    }
    assert actors[name].api.post(f"{URL}/read", {"all": True}, format="json").json() == {"read": 0}
    notice.refresh_from_db()
    assert (notice.read_at, notice.is_in_app) == (None, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("get", "/unread-count"),
        ("get", "/preferences"),
        ("patch", "/preferences"),
        ("post", "/read"),
    ],
)
def test_a_key_has_no_notices_and_nobody_none_either(actors: Actors, method: str, path: str) -> None:
    body: dict[str, object] = {"all": True}
    if method == "patch":
        body = {"preferences": [{"kind": PLAIN, "email": True}]}
    call: list[object] = [f"{URL}{path}"] if method == "get" else [f"{URL}{path}", body]
    refused = getattr(actors.key.api, method)(*call, **({} if method == "get" else {"format": "json"}))
    assert (refused.status_code, refused.json()["code"]) == (403, "permission.denied")
    assert getattr(actors.anonymous.api, method)(*call).status_code == 401


def test_notices_of_all_organizations_come_together_and_can_be_told_apart(actors: Actors) -> None:
    other = OrganizationFactory.create()
    MembershipFactory.create(user=user_of(actors.viewer), organization=other)
    here = make(actors.viewer, organization=actors.organization)
    there = make(actors.viewer, organization=other)
    api = actors.viewer.api
    assert ids(api.get(URL, headers={"X-Organization": other.slug})) == [str(there.pk), str(here.pk)]
    assert ids(api.get(URL, {"organization": str(other.pk)})) == [str(there.pk)]


def test_a_person_without_an_organization_reads_their_notices(actors: Actors) -> None:
    lonely = Person("lonely", user=UserFactory.create())
    notice = make(lonely)
    assert ids(lonely.api.get(URL)) == [str(notice.pk)]


def test_the_list_narrows_by_unread_level_kind_time_and_text(actors: Actors) -> None:
    read = make(actors.viewer, read_at=timezone.now(), title="Harbour")
    unread = make(actors.viewer, level=Level.CRITICAL, kind=CRITICAL, body="harbour wall")
    get = actors.viewer.api.get
    assert ids(get(URL, {"unread": "true"})) == [str(unread.pk)]
    assert ids(get(URL, {"unread": "false"})) == [str(read.pk)]
    assert ids(get(URL, {"level": "critical"})) == ids(get(URL, {"kind": CRITICAL})) == [str(unread.pk)]
    assert len(ids(get(URL, {"search": "HARBOUR"}))) == 2
    assert ids(get(URL, {"created_at__gt": read.created_at.isoformat()})) == [str(unread.pk)]
    assert items(get(URL, {"unread": "maybe"})) == [("unread", "invalid_choice")]
    assert items(get(URL, {"read": "true"})) == [("read", "unknown_parameter")]


def test_what_goes_by_mail_alone_is_not_listed(actors: Actors) -> None:
    hidden = make(actors.viewer, is_in_app=False)
    assert ids(actors.viewer.api.get(URL)) == []
    assert actors.viewer.api.get(f"{URL}/{hidden.pk}").status_code == 404
    assert actors.viewer.api.get(f"{URL}/unread-count").json()["count"] == 0


def test_pages_neither_repeat_nor_skip_while_notices_arrive(actors: Actors) -> None:
    told = [str(make(actors.viewer).pk) for _ in range(5)]
    first = actors.viewer.api.get(URL, {"page_size": 2})
    make(actors.viewer)
    second = actors.viewer.api.get(first.json()["next"])
    third = actors.viewer.api.get(second.json()["next"])
    assert ids(first) + ids(second) + ids(third) == told[::-1]


def test_reading_and_unreading_one(actors: Actors) -> None:
    notice = make(actors.viewer)
    api = actors.viewer.api
    first = api.post(f"{URL}/{notice.pk}/read")
    assert first.status_code == 200
    assert first.json()["read_at"] is not None
    assert api.post(f"{URL}/{notice.pk}/read").json() == first.json()
    assert api.get(f"{URL}/unread-count").json() == {"count": 0, "count_capped": False}
    assert api.post(f"{URL}/{notice.pk}/unread").json()["read_at"] is None
    assert api.get(f"{URL}/unread-count").json() == {"count": 1, "count_capped": False}


def test_the_count_stops_at_a_thousand(actors: Actors) -> None:
    user = user_of(actors.viewer)
    rows = [Notification(user=user, kind=PLAIN, title="t", dedupe_key=str(n)) for n in range(1_001)]
    Notification.objects.bulk_create(rows)
    assert actors.viewer.api.get(f"{URL}/unread-count").json() == {"count": 1_000, "count_capped": True}
    rows[0].delete()
    assert actors.viewer.api.get(f"{URL}/unread-count").json() == {"count": 1_000, "count_capped": False}


def test_reading_several_by_id_ignores_what_is_not_ones_own(actors: Actors) -> None:
    mine = [make(actors.viewer) for _ in range(3)]
    foreign = make(actors.manager)
    wanted = [str(row.pk) for row in (mine[0], mine[1], foreign)] + [str(uuid.uuid4())]
    answer = actors.viewer.api.post(f"{URL}/read", {"ids": wanted}, format="json")
    assert answer.json() == {"read": 2}
    assert ids(actors.viewer.api.get(URL, {"unread": "true"})) == [str(mine[2].pk)]
    foreign.refresh_from_db()
    assert foreign.read_at is None


def test_reading_all_before_an_instant_leaves_what_came_later(actors: Actors) -> None:
    for _ in range(3):
        make(actors.viewer)
    before = timezone.now()
    later = make(actors.viewer)
    body = {"all": True, "before": before.isoformat()}
    assert actors.viewer.api.post(f"{URL}/read", body, format="json").json() == {"read": 3}
    assert ids(actors.viewer.api.get(URL, {"unread": "true"})) == [str(later.pk)]
    assert actors.viewer.api.post(f"{URL}/read", {"all": True}, format="json").json() == {"read": 1}


def test_reading_all_reads_more_than_one_batch(actors: Actors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.accounts.services.notifications.BATCH_ROWS", 2)
    for _ in range(5):
        make(actors.viewer)
    assert actors.viewer.api.post(f"{URL}/read", {"all": True}, format="json").json() == {"read": 5}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/ids"),
        ({"all": False}, "/ids"),
        ({"ids": [str(uuid.uuid4())], "all": True}, "/ids"),
        ({"ids": []}, "/ids"),
        ({"ids": ["no id"]}, "/ids/0"),
        ({"ids": [str(uuid.uuid4()) for _ in range(201)]}, "/ids"),
        ({"ids": [str(uuid.uuid4())], "before": "2026-01-01T00:00:00Z"}, "/before"),
        ({"all": True, "before": "2026-01-01T00:00:00"}, "/before"),
        ({"all": True, "after": "2026-01-01T00:00:00Z"}, "/after"),
    ],
)
def test_what_to_read_must_be_said_clearly(actors: Actors, body: dict[str, Any], pointer: str) -> None:
    answer = actors.viewer.api.post(f"{URL}/read", body, format="json")
    assert [place for place, _ in items(answer)] == [pointer]


def test_a_deleted_notice_is_gone_and_not_told_again(actors: Actors) -> None:
    from apps.accounts.services import notify

    notice = make(actors.viewer, dedupe_key="once")
    assert actors.viewer.api.delete(f"{URL}/{notice.pk}").status_code == 204
    assert actors.viewer.api.delete(f"{URL}/{notice.pk}").status_code == 404
    notify(user=user_of(actors.viewer), kind=PLAIN, title="Again", dedupe_key="once")
    assert ids(actors.viewer.api.get(URL)) == []


def test_the_list_takes_the_same_queries_for_any_number(actors: Actors, same_queries: Check) -> None:
    def add() -> Notification:
        organization: Organization = OrganizationFactory.create()
        return make(actors.viewer, organization=organization)

    same_queries("GET /api/v1/notifications", add, lambda: actors.viewer.api.get(URL))


def preferences(answer: Any) -> dict[str, tuple[bool, bool, bool]]:
    assert answer.status_code == 200, answer.content
    rows = answer.json()["preferences"]
    return {row["kind"]: (row["in_app"], row["email"], row["sms"]) for row in rows}


def patch(person: Person, *changes: dict[str, Any]) -> Any:
    return person.api.patch(PREFERENCES, {"preferences": changes}, format="json")


def test_preferences_start_with_the_defaults_of_each_kind(actors: Actors) -> None:
    assert preferences(actors.viewer.api.get(PREFERENCES)) == {
        CRITICAL: (True, True, False),
        PLAIN: (True, False, False),
        SECURITY: (True, True, False),
    }
    rows = actors.viewer.api.get(PREFERENCES).json()["preferences"]
    assert [row["is_security"] for row in rows] == [False, False, True]


def test_a_change_keeps_what_it_does_not_name(actors: Actors) -> None:
    answer = patch(actors.viewer, {"kind": CRITICAL, "in_app": False}, {"kind": PLAIN, "email": True})
    assert preferences(answer)[CRITICAL] == (False, True, False)
    assert preferences(patch(actors.viewer, {"kind": PLAIN, "in_app": False}))[PLAIN] == (False, True, False)
    assert preferences(actors.manager.api.get(PREFERENCES))[PLAIN] == (True, False, False)


@pytest.mark.parametrize("way", ["in_app", "email"])
def test_security_notices_cannot_be_switched_off(actors: Actors, way: str) -> None:
    answer = patch(actors.viewer, {"kind": PLAIN, "email": True}, {"kind": SECURITY, way: False})
    assert items(answer) == [(f"/preferences/1/{way}", "security_notice")]
    assert not NotificationPreference.objects.exists()
    assert patch(actors.viewer, {"kind": SECURITY, way: True}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([{"kind": "test.unknown", "email": True}], ("/preferences/0/kind", "kind_unknown")),
        ([{"kind": PLAIN, "sms": True}], ("/preferences/0/sms", "sms_unavailable")),
        ([{"kind": PLAIN}, {"kind": PLAIN}], ("/preferences/1/kind", "duplicate")),
        ([{"kind": PLAIN, "push": True}], ("/preferences/0/push", "unknown_field")),
        ([{"email": True}], ("/preferences/0/kind", "required")),
        ([{"kind": PLAIN, "email": "perhaps"}], ("/preferences/0/email", "invalid")),
        ([], ("/preferences", "min_length")),
    ],
)
def test_wrong_changes_say_what_is_wrong(
    actors: Actors, changes: list[dict[str, Any]], expected: tuple[str, str]
) -> None:
    assert items(patch(actors.viewer, *changes)) == [expected]


def test_old_notices_tell_their_times_in_utc(actors: Actors) -> None:
    notice = make(actors.viewer, read_at=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC))
    assert actors.viewer.api.get(f"{URL}/{notice.pk}").json()["read_at"] == "2026-01-02T03:04:05Z"
