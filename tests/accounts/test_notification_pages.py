"""The pages of notices: they work without a script, for each person alone."""

import re
import uuid
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Level, Notification, NotificationPreference
from apps.common.notices import NoticeKind, register_notice
from tests.furniture.people import Actors, Person

LIST, PREFERENCES = "/notifications/", "/notifications/preferences/"
PLAIN, SECURITY = "test.plain", "test.security"


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.notices._kinds", {})
    register_notice(NoticeKind(name=PLAIN, title="Something happened"))
    register_notice(NoticeKind(name=SECURITY, title="Somebody was here", is_security=True))


def make(person: Person, **fields: Any) -> Notification:
    assert person.user is not None
    defaults = {"kind": PLAIN, "title": "A title", "dedupe_key": str(uuid.uuid4())}
    return Notification.objects.create(user=person.user, **{**defaults, **fields})


def shown(person: Person, url: str = LIST) -> str:
    answer = person.browser.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def change(person: Person, notice: Notification, action: str) -> Any:
    return person.browser.post(f"/notifications/{notice.pk}", {"action": action})


def test_the_list_shows_ones_own_notices_as_text(actors: Actors) -> None:
    make(actors.viewer, title="<b>Harbour</b>", level=Level.CRITICAL, organization=actors.organization)
    make(actors.manager, title="Foreign")
    page = shown(actors.viewer)
    assert "&lt;b&gt;Harbour&lt;/b&gt;" in page
    assert actors.organization.name in page
    assert "Foreign" not in page


def test_an_empty_list_says_what_will_stand_there(actors: Actors) -> None:
    assert "No notices yet" in shown(actors.viewer)
    make(actors.viewer, read_at=timezone.now())
    assert "Nothing unread" in shown(actors.viewer, f"{LIST}?unread=true")


def test_the_bell_of_every_page_counts_what_is_unread(actors: Actors) -> None:
    for _ in range(3):
        make(actors.viewer)
    make(actors.viewer, read_at=timezone.now())
    page = shown(actors.viewer, "/")
    assert re.search(r'class="bell-count" aria-hidden="true">3<', page)
    assert "Notices: 3 unread" in page
    assert re.search(r'class="bell-count" aria-hidden="true" hidden>', shown(actors.manager, "/"))


def test_reading_unreading_and_deleting_need_no_script(actors: Actors) -> None:
    notice = make(actors.viewer)
    for action, is_read in (("read", True), ("unread", False)):
        assert change(actors.viewer, notice, action)["Location"] == LIST
        notice.refresh_from_db()
        assert (notice.read_at is not None) is is_read
    change(actors.viewer, notice, "delete")
    assert "A title" not in shown(actors.viewer)
    assert change(actors.viewer, notice, "read").status_code == 404


def test_opening_a_notice_reads_it_and_leads_to_its_page(actors: Actors) -> None:
    notice = make(actors.viewer, page="/datasets/")
    assert change(actors.viewer, notice, "open")["Location"] == "/datasets/"
    notice.refresh_from_db()
    assert notice.read_at is not None


def test_a_notice_of_another_cannot_be_changed(actors: Actors) -> None:
    notice = make(actors.viewer)
    for name in ("admin", "stranger"):
        assert change(actors[name], notice, "delete").status_code == 404
    assert change(actors.anonymous, notice, "delete").status_code == 302
    notice.refresh_from_db()
    assert notice.is_in_app


@pytest.mark.parametrize("before", [None, "yesterday", "2026-13-45T99:00:00Z"])
def test_all_can_be_read_at_once_up_to_what_the_page_showed(actors: Actors, before: str | None) -> None:
    make(actors.viewer)
    page = shown(actors.viewer)
    stamp = re.search(r'name="before" value="([^"]+)"', page)
    assert stamp
    later = make(actors.viewer)
    actors.viewer.browser.post("/notifications/read", {"before": before or stamp[1]})
    later.refresh_from_db()
    assert (later.read_at is None) is (before is None)
    assert Notification.objects.filter(read_at=None).count() == (1 if before is None else 0)


def test_preferences_are_kept_and_those_of_security_stay(actors: Actors) -> None:
    page = shown(actors.viewer, PREFERENCES)
    assert re.search(rf'value="{PLAIN}:in_app"[^>]* checked>', page)
    assert re.search(rf'value="{SECURITY}:email"[^>]* checked disabled>', page)
    answer = actors.viewer.browser.post(PREFERENCES, {"way": [f"{PLAIN}:email"]})
    assert answer["Location"] == PREFERENCES
    row = NotificationPreference.objects.get()
    assert (row.user, row.kind, row.in_app, row.email) == (actors.viewer.user, PLAIN, False, True)
    assert "Your choice is kept." in shown(actors.viewer, PREFERENCES)
