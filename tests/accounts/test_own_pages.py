"""Everybody's own sign-in on pages: whatever their role, and nobody else's."""

import pytest
from django.test import Client

from apps.accounts.models import Session
from tests.furniture.people import ROLES, Actors, Person

pytestmark = pytest.mark.django_db

PAGES = ("/accounts/sessions/", "/accounts/password/change/", "/accounts/reauthenticate/")


def session_of(person: Person) -> Session:
    """Return the page session of somebody, who signs in by it."""
    assert person.browser.get("/accounts/sessions/").status_code == 200
    return Session.objects.get(user=person.user)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ROLES)
def test_a_member_of_any_role_sees_their_own(actors: Actors, role: str, page: str) -> None:
    assert actors[role].browser.get(page).status_code == 200


@pytest.mark.parametrize("page", [*PAGES, "/accounts/sessions/end/"])
def test_a_guest_is_sent_to_the_sign_in(page: str) -> None:
    answer = Client().post(page) if page.endswith("end/") else Client().get(page)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("other", ["viewer", "stranger"])
def test_not_even_an_admin_ends_somebody_elses_session(actors: Actors, other: str) -> None:
    theirs = session_of(actors[other])
    answer = actors.admin.browser.post(f"/accounts/sessions/{theirs.pk}/end/")
    assert answer.status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def test_the_list_shows_nobody_elses_session(actors: Actors) -> None:
    theirs = session_of(actors.viewer)
    page = actors.admin.browser.get("/accounts/sessions/").content.decode()
    assert str(theirs.pk) not in page
