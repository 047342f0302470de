"""Comments: who writes, changes and deletes them, whom they mention, and what they are shown as."""

from typing import Any

import pytest
import time_machine

from apps.accounts.models import Role
from apps.signals.models import Comment, Event, Signal
from apps.signals.triage_services import rendered_comment
from tests.factories.accounts import create_member
from tests.factories.signals import create_signal
from tests.furniture.people import Actors, Person
from tests.signals.triage import comment, id_of, outcome, url

pytestmark = pytest.mark.django_db
FORBIDDEN = (403, "permission.denied")
NOT_FOUND = (404, "not_found")
SETTLED = (409, "signals.comment_settled")


@pytest.fixture
def signal(actors: Actors) -> Signal:
    return create_signal(actors.organization)


def edit(person: Person, comment_id: str, body: str, **headers: str) -> Any:
    address = f"/api/v1/signals/comments/{comment_id}"
    return person.api.patch(address, {"body": body}, format="json", headers=headers)


def delete(person: Person, comment_id: str) -> Any:
    return person.api.delete(f"/api/v1/signals/comments/{comment_id}")


def listed(person: Person, signal: Signal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.api.get(url(signal, "comments")).json()["results"]
    return found


def test_who_works_comments_and_who_views_reads(actors: Actors, signal: Signal) -> None:
    assert outcome(comment(actors.viewer, signal, "Hm.")) == FORBIDDEN
    assert outcome(comment(actors.stranger, signal, "Hm.")) == NOT_FOUND
    assert outcome(comment(actors.anonymous, signal, "Hm.")) == (401, "auth.required")
    first = comment(actors.analyst, signal, "See *March*.")
    assert first.status_code == 201
    assert comment(actors.manager, signal, "Yes.").status_code == 201
    assert listed(actors.viewer, signal)[0] == first.json()
    assert [row["body"] for row in listed(actors.viewer, signal)] == ["See *March*.", "Yes."]
    assert actors.analyst.user is not None
    assert first.json() | {"id": "", "created_at": ""} == {
        "id": "",
        "signal_id": str(signal.pk),
        "author": {"id": str(id_of(actors.analyst)), "name": actors.analyst.user.name},
        "body": "See *March*.",
        "html": "<p>See <em>March</em>.</p>\n",
        "mentions": [],
        "created_at": "",
        "edited_at": None,
        "deleted_at": None,
    }
    assert outcome(actors.stranger.api.get(url(signal, "comments"))) == NOT_FOUND
    event = Event.objects.order_by("occurred_at").first()
    assert event is not None
    assert (event.event_type, event.payload) == ("comment", {"comment": first.json()["id"]})


def test_a_comment_says_something_and_not_too_much(actors: Actors, signal: Signal) -> None:
    for wrong in ("", "  \n\t", "x" * 10_001, "a\0b"):
        assert comment(actors.analyst, signal, wrong).status_code in {400, 422}
    assert comment(actors.analyst, signal, "x" * 10_000).status_code == 201
    assert Comment.objects.count() == 1


def test_a_comment_is_its_authors_for_a_quarter_of_an_hour(
    actors: Actors, signal: Signal, clock: time_machine.Traveller
) -> None:
    made = comment(actors.analyst, signal, "First.").json()
    clock.shift(15 * 60)
    changed = edit(actors.analyst, made["id"], "Second.").json()
    assert (changed["body"], changed["edited_at"]) == ("Second.", "2026-01-14T12:15:00Z")
    assert outcome(edit(actors.manager, made["id"], "Third.")) == FORBIDDEN
    assert outcome(edit(actors.viewer, made["id"], "Third.")) == FORBIDDEN
    assert outcome(edit(actors.stranger, made["id"], "Third.")) == NOT_FOUND
    clock.shift(1)
    assert outcome(edit(actors.analyst, made["id"], "Third.")) == SETTLED
    assert outcome(delete(actors.analyst, made["id"])) == SETTLED
    assert listed(actors.viewer, signal) == [changed]


def test_who_may_assign_deletes_any_comment_whenever(
    actors: Actors, signal: Signal, clock: time_machine.Traveller
) -> None:
    made = comment(actors.analyst, signal, "Secret words.").json()
    another = create_member(actors.organization, Role.ANALYST)
    other = Person("other", actors.organization, another, Role.ANALYST)
    assert outcome(delete(other, made["id"])) == FORBIDDEN
    assert outcome(delete(actors.viewer, made["id"])) == FORBIDDEN
    assert outcome(delete(actors.stranger, made["id"])) == NOT_FOUND
    clock.shift(3_600)
    assert outcome(delete(actors.manager, made["id"])) == 204
    (row,) = listed(actors.viewer, signal)
    assert (row["body"], row["html"], row["deleted_at"]) == ("", "", "2026-01-14T13:00:00Z")
    assert row["author"] == made["author"]
    for again in (delete(actors.manager, made["id"]), edit(actors.analyst, made["id"], "Back.")):
        assert outcome(again) == NOT_FOUND
    own = comment(actors.analyst, signal, "Oops.").json()
    assert outcome(delete(actors.analyst, own["id"])) == 204


def test_an_edit_of_an_older_text_is_refused(actors: Actors, signal: Signal) -> None:
    made = comment(actors.analyst, signal, "First.")
    comment_id, tag = made.json()["id"], made["ETag"]
    assert edit(actors.analyst, comment_id, "Second.", **{"If-Match": tag}).status_code == 200
    stale = edit(actors.analyst, comment_id, "Third.", **{"If-Match": tag})
    assert outcome(stale) == (412, "precondition.failed")


def test_members_are_mentioned_by_their_address(actors: Actors, signal: Signal) -> None:
    people = [actors.manager.user, actors.viewer.user]
    outsider, own = actors.stranger.user, actors.analyst.user
    assert people[0]
    assert people[1]
    assert outsider
    assert own
    text = (
        f"@{people[1].email.upper()}, @{people[0].email}. and @{people[1].email} again;"
        f" not @{outsider.email}, nor `@{own.email}`, x@{own.email} or @nobody@example.com"
    )
    made = comment(actors.analyst, signal, text).json()
    assert made["mentions"] == [{"id": str(user.pk), "name": user.name} for user in reversed(people) if user]
    changed = edit(actors.analyst, made["id"], f"@{own.email}").json()
    assert changed["mentions"] == [{"id": str(own.pk), "name": own.name}]


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("[x](&#106;avascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("[x](data:text/html,x)", "<p>[x](data:text/html,x)</p>\n"),
        ("[x](https://a.b/)", '<p><a href="https://a.b/" rel="nofollow noopener">x</a></p>\n'),
        ("![x](https://a.b/c.png)", '<p>!<a href="https://a.b/c.png" rel="nofollow noopener">x</a></p>\n'),
        ("<https://a.b>", '<p><a href="https://a.b" rel="nofollow noopener">https://a.b</a></p>\n'),
        ("# Title", "<h4>Title</h4>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
    ],
)
def test_a_comment_is_shown_as_html_that_does_no_harm(body: str, html: str) -> None:
    assert rendered_comment(body) == html


def test_reading_comments_takes_a_constant_number_of_queries(
    actors: Actors, signal: Signal, same_queries: Any
) -> None:
    def write() -> None:
        user = create_member(actors.organization, Role.ANALYST)
        comment(Person("x", actors.organization, user, Role.ANALYST), signal, f"@{user.email}")

    same_queries("signals_comments", write, lambda: actors.viewer.api.get(url(signal, "comments")))
