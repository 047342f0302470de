"""The page of members and invitations: buttons for who may, one act each."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from apps.accounts.models import ApiKey, Invitation, Mail, Membership, Role
from apps.accounts.services import create_api_key, set_suspended
from tests.factories.accounts import MembershipFactory
from tests.furniture.people import Actors, Person, long_ago
from tests.furniture.query_counts import Check

PAGE = "/accounts/members/"
INVITE = "/accounts/members/invite/"
GUEST = {"email": "guest@example.com", "role": "analyst"}
MARKED = re.compile(r"<[^>]+>|\s+")


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def role_url(person: Person) -> str:
    assert person.user is not None
    return f"{PAGE}{person.user.pk}/role/"


def removal_url(person: Person) -> str:
    assert person.user is not None
    return f"{PAGE}{person.user.pk}/remove/"


def role_of(person: Person) -> str | None:
    found = Membership.objects.filter(user=person.user, organization=person.organization)
    return found.values_list("role", flat=True).first()


def told(person: Person) -> str:
    """Return the words of the page that the person is led back to."""
    return MARKED.sub(" ", text_of(person.browser.get(PAGE)))


def test_everybody_sees_the_members_and_only_who_may_sees_buttons(actors: Actors) -> None:
    people = (actors.admin, actors.manager, actors.analyst, actors.viewer)
    assert all(person.user for person in people)
    pages = {person.name: text_of(person.browser.get(PAGE)) for person in people}
    for page in pages.values():
        assert all(person.user.email in page for person in people if person.user)
    assert {name for name, page in pages.items() if role_url(actors.viewer) in page} == {"admin"}
    assert {name for name, page in pages.items() if INVITE in page} == {"admin", "manager"}
    assert {name for name, page in pages.items() if removal_url(actors.analyst) in page} == {
        "admin",
        "analyst",  # leaves
    }
    assert 'value="admin"' not in pages["manager"]


def test_an_admin_changes_a_role(actors: Actors) -> None:
    assert actors.admin.browser.post(role_url(actors.viewer), {"role": "analyst"})["Location"] == PAGE
    assert role_of(actors.viewer) == Role.ANALYST
    assert "is analyst now" in told(actors.admin)


def test_making_an_admin_wants_a_recent_proof(actors: Actors) -> None:
    assert actors.admin.browser.get(PAGE).status_code == 200
    long_ago(actors.admin)
    sent = actors.admin.browser.post(role_url(actors.viewer), {"role": "admin"})
    assert sent["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2Fmembers%2F"
    assert role_of(actors.viewer) == Role.VIEWER
    assert "over 15 minutes old" in text_of(actors.admin.browser.get(sent["Location"]))
    invited = actors.admin.browser.post(INVITE, GUEST | {"role": "admin"})
    assert invited["Location"] == sent["Location"]
    assert not Invitation.objects.exists()


def test_the_last_admin_stays_and_is_told_why(actors: Actors) -> None:
    browser = actors.admin.browser
    for address, form in ((role_url(actors.admin), {"role": "viewer"}), (removal_url(actors.admin), {})):
        assert browser.post(address, form)["Location"] == PAGE
        assert "keeps at least one admin" in told(actors.admin)
    assert role_of(actors.admin) == Role.ADMIN


def test_no_role_at_all_changes_nothing(actors: Actors) -> None:
    assert actors.admin.browser.post(role_url(actors.viewer), {"role": "emperor"})["Location"] == PAGE
    assert "Choose a role" in told(actors.admin)
    assert role_of(actors.viewer) == Role.VIEWER


@pytest.mark.parametrize("with_keys", [True, False])
def test_removing_a_member_leaves_their_keys_unless_told(actors: Actors, *, with_keys: bool) -> None:
    create_api_key(actor=actors.analyst.actor, name="k", role=Role.VIEWER, scopes=["datasets:read"])
    form = {"revoke_keys": "on"} if with_keys else {}
    assert actors.admin.browser.post(removal_url(actors.analyst), form)["Location"] == PAGE
    assert role_of(actors.analyst) is None
    assert ApiKey.objects.living().exists() is not with_keys


def test_others_are_removed_by_admins_only_and_strangers_by_nobody(actors: Actors) -> None:
    assert actors.viewer.user
    for person in (actors.manager, actors.analyst):
        assert person.browser.post(removal_url(actors.viewer)).status_code == 403
        assert person.browser.post(role_url(actors.viewer), {"role": "viewer"}).status_code == 403
    assert actors.stranger.browser.post(removal_url(actors.viewer)).status_code == 404
    assert actors.admin.browser.post(removal_url(actors.stranger)).status_code == 404
    assert role_of(actors.viewer) == Role.VIEWER


def test_an_invitation_is_sent_sent_again_and_taken_back(
    actors: Actors, run_jobs: Callable[[], int], mailoutbox: list[EmailMultiAlternatives]
) -> None:
    browser = actors.manager.browser
    assert browser.post(INVITE, GUEST)["Location"] == PAGE
    row = Invitation.objects.get()
    assert (row.email, row.role) == ("guest@example.com", Role.ANALYST)
    assert "guest@example.com" in told(actors.manager)
    assert browser.post(f"{PAGE}invitations/{row.pk}/resend/")["Location"] == PAGE
    run_jobs()
    assert [mail.to for mail in mailoutbox] == [["guest@example.com"]] * 2

    assert browser.post(f"{PAGE}invitations/{row.pk}/revoke/")["Location"] == PAGE
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert "Nobody is invited" in told(actors.manager)
    assert browser.post(f"{PAGE}invitations/{row.pk}/resend/").status_code == 404


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({"email": "no address", "role": "viewer"}, "Enter a valid email address."),
        ({"email": "guest@example.com", "role": "admin"}, "Select a valid choice."),
        ({"email": "guest@elsewhere.example", "role": "viewer"}, "Members come from these domains only"),
        ({}, "This field is required."),
    ],
)
def test_a_refused_invitation_keeps_the_form_and_says_why(
    actors: Actors, form: dict[str, str], word: str
) -> None:
    actors.organization.allowed_email_domains = ["example.com"]
    actors.organization.save()
    answer = actors.manager.browser.post(INVITE, form)
    assert answer.status_code == 422
    page = text_of(answer)
    assert word in page
    assert 'aria-invalid="true"' in page
    assert form.get("email", "") in page
    assert not Invitation.objects.exists()


def test_an_address_is_invited_once(actors: Actors) -> None:
    browser = actors.manager.browser
    browser.post(INVITE, GUEST)
    again = browser.post(INVITE, GUEST | {"email": "GUEST@example.com"})
    assert (again.status_code, "invited already" in text_of(again)) == (422, True)
    assert actors.viewer.user is not None
    member = browser.post(INVITE, GUEST | {"email": actors.viewer.user.email})
    assert (member.status_code, "belongs to the organization already" in text_of(member)) == (422, True)


def test_the_sixth_mail_of_an_hour_to_an_invited_address_is_not_sent(actors: Actors) -> None:
    browser = actors.manager.browser
    assert browser.post(INVITE, GUEST).status_code == 302
    row = Invitation.objects.get()
    for _ in range(5):
        assert browser.post(f"{PAGE}invitations/{row.pk}/resend/").status_code == 302
    assert "The limit auth_mail of 5" in told(actors.manager)
    assert Mail.objects.filter(template="invitation").count() == 5
    row.delete()
    refused = browser.post(INVITE, GUEST)
    assert "The limit auth_mail of 5" in text_of(refused)
    assert not Invitation.objects.exists()


def test_viewers_cannot_invite(actors: Actors) -> None:
    assert actors.viewer.browser.post(INVITE, GUEST).status_code == 403
    browser = actors.manager.browser
    browser.post(INVITE, GUEST)
    row = Invitation.objects.get()
    for act in ("resend", "revoke"):
        assert actors.viewer.browser.post(f"{PAGE}invitations/{row.pk}/{act}/").status_code == 403
        assert actors.stranger.browser.post(f"{PAGE}invitations/{row.pk}/{act}/").status_code == 404
    assert "guest@example.com" not in text_of(actors.viewer.browser.get(PAGE))


def test_the_page_listens_to_the_organization(actors: Actors) -> None:
    page = text_of(actors.viewer.browser.get(PAGE))
    assert 'data-topics="organization"' in page
    set_suspended(organization=actors.organization, is_suspended=True)
    assert actors.viewer.browser.get(PAGE).status_code == 403


def test_the_page_runs_as_many_queries_with_many_members(actors: Actors, same_queries: Check) -> None:
    browser = actors.admin.browser
    same_queries(
        "GET /accounts/members/",
        lambda: MembershipFactory.create(organization=actors.organization),
        lambda: browser.get(PAGE),
    )
