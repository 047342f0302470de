"""The pages of organizations: which one is active, one's own, and their settings."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Membership, Organization, Role, User
from apps.accounts.permissions import member_actor
from apps.accounts.services import delete_organization, set_suspended
from tests.factories.accounts import PASSWORD, MembershipFactory, OrganizationFactory, UserFactory
from tests.furniture.people import Actors, Person, long_ago, sign_in_quietly

ALL = "/accounts/organizations/"
SWITCH = "/accounts/organizations/switch/"
SETTINGS = "/accounts/settings/"
DELETE = "/accounts/settings/delete/"


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def second_organization(person: Person, *, name: str = "Second", role: Role = Role.VIEWER) -> Organization:
    other = OrganizationFactory.create(name=name)
    MembershipFactory.create(organization=other, user=person.user, role=role)
    return other


def active(browser: Client) -> str:
    """Return the heading of the overview, which names the active organization."""
    page = browser.get("/")
    assert page.status_code == 200, page.content
    return text_of(page).partition("<h1>")[2].partition("</h1>")[0]


def switch(browser: Client, organization: Organization) -> Any:
    return browser.post(SWITCH, {"organization": str(organization.pk)})


def test_the_header_offers_each_organization_and_switching_holds_for_pages_and_their_scripts(
    actors: Actors,
) -> None:
    other = second_organization(actors.admin)
    browser = actors.admin.browser
    page = text_of(browser.get("/jobs/"))
    assert f'name="organization" value="{other.pk}"' in page

    assert switch(browser, other)["Location"] == "/"
    assert active(browser) == "Second"
    # What a page's script asks for by its cookie belongs to the same organization.
    assert browser.get("/api/v1/me/permissions").json()["organization"]["id"] == str(other.pk)
    named = browser.get("/api/v1/me/permissions", headers={"X-Organization": actors.organization.slug})
    assert named.json()["organization"]["id"] == str(actors.organization.pk)


def test_the_choice_ends_with_the_session(actors: Actors) -> None:
    other = second_organization(actors.admin)
    switch(actors.admin.browser, other)
    fresh = Client()
    assert actors.admin.user is not None
    sign_in_quietly(fresh, actors.admin.user)
    assert active(fresh) == actors.organization.name


def test_a_member_who_was_removed_falls_back_to_their_default(actors: Actors) -> None:
    other = second_organization(actors.admin)
    switch(actors.admin.browser, other)
    Membership.objects.get(organization=other, user=actors.admin.user).delete()
    assert active(actors.admin.browser) == actors.organization.name


@pytest.mark.parametrize("ending", ["suspended", "deleted"])
def test_an_organization_that_ended_falls_back_to_the_default(actors: Actors, ending: str) -> None:
    other = second_organization(actors.admin, role=Role.ADMIN)
    switch(actors.admin.browser, other)
    if ending == "suspended":
        set_suspended(organization=other, is_suspended=True)
    else:
        assert actors.admin.user is not None
        actor = member_actor(user=actors.admin.user, organization=other, role=Role.ADMIN)
        delete_organization(actor=actor, organization=other)
    assert active(actors.admin.browser) == actors.organization.name


def test_nobody_switches_to_an_organization_that_is_not_theirs(actors: Actors) -> None:
    suspended = second_organization(actors.admin)
    set_suspended(organization=suspended, is_suspended=True)
    assert actors.stranger.organization is not None
    for organization in (actors.stranger.organization, suspended):
        answer = switch(actors.admin.browser, organization)
        assert answer["Location"] == ALL
        assert "cannot act in this organization" in text_of(actors.admin.browser.get(ALL))
    assert actors.admin.browser.post(SWITCH, {"organization": "nonsense"})["Location"] == ALL
    assert active(actors.admin.browser) == actors.organization.name


def test_somebody_without_an_organization_can_make_one_and_end_sessions(actors: Actors) -> None:
    user: User = UserFactory.create()
    browser = Client()
    sign_in_quietly(browser, user)
    refused = browser.get("/")
    assert refused.status_code == 409
    assert f'href="{ALL}"' in text_of(refused)
    assert browser.get("/accounts/sessions/").status_code == 200
    assert "You belong to no organization" in text_of(browser.get(ALL))

    assert browser.post(ALL, {"name": "  "}).status_code == 422
    assert browser.post(ALL, {"name": "Fresh start"})["Location"] == "/accounts/members/"
    assert active(browser) == "Fresh start"


def test_whose_default_is_suspended_chooses_another_one(actors: Actors) -> None:
    other = second_organization(actors.viewer)
    set_suspended(organization=actors.organization, is_suspended=True)
    browser = actors.viewer.browser
    refused = browser.get("/")
    assert refused.status_code == 403
    assert f'href="{ALL}"' in text_of(refused)
    assert "suspended by the operator" in text_of(browser.get(ALL))
    switch(browser, other)
    assert active(browser) == "Second"


def test_an_admin_changes_the_settings_and_sees_what_is_wrong_where_it_is(actors: Actors) -> None:
    browser = actors.admin.browser
    form = {"name": "New name", "slug": "new-name", "allowed_email_domains": "example.com\nexample.org"}
    assert browser.post(SETTINGS, form).status_code == 302
    row = Organization.objects.get(pk=actors.organization.pk)
    assert (row.name, row.slug) == ("New name", "new-name")
    assert row.allowed_email_domains == ["example.com", "example.org"]
    assert "example.com\nexample.org" in text_of(browser.get(SETTINGS))

    wrong = browser.post(SETTINGS, form | {"slug": "No!", "allowed_email_domains": ""})
    assert wrong.status_code == 422
    assert 'aria-describedby="id_slug_helptext id_slug_error"' in text_of(wrong)
    wrong = browser.post(SETTINGS, form | {"allowed_email_domains": "not a domain"})
    assert "This is no domain." in text_of(wrong)
    taken = browser.post(SETTINGS, form | {"slug": "system"})
    assert (taken.status_code, "reserved" in text_of(taken)) == (422, True)
    row.refresh_from_db()
    assert (row.slug, row.allowed_email_domains) == ("new-name", ["example.com", "example.org"])


def test_only_admins_reach_the_settings(actors: Actors) -> None:
    for person in (actors.manager, actors.analyst, actors.viewer):
        assert person.browser.get(SETTINGS).status_code == 403
        assert person.browser.post(DELETE, {"confirm": actors.organization.slug}).status_code == 403
        assert SETTINGS not in text_of(person.browser.get("/accounts/members/"))


def test_deleting_wants_the_short_name_and_a_recent_proof(actors: Actors) -> None:
    browser = actors.admin.browser
    assert browser.post(DELETE, {"confirm": "other"})["Location"] == SETTINGS
    long_ago(actors.admin)
    slug = actors.organization.slug
    sent = browser.post(DELETE, {"confirm": slug})["Location"]
    assert sent == "/accounts/reauthenticate/?next=%2Faccounts%2Fsettings%2F"
    assert Organization.objects.living().filter(pk=actors.organization.pk).exists()

    assert browser.post(sent, {"password": PASSWORD})["Location"] == SETTINGS
    assert browser.post(DELETE, {"confirm": slug})["Location"] == ALL
    assert not Organization.objects.living().filter(pk=actors.organization.pk).exists()
    assert browser.get(ALL).status_code == 200


def test_leaving_the_last_organization_leads_to_where_one_makes_another(actors: Actors) -> None:
    assert actors.viewer.user is not None
    answer = actors.viewer.browser.post(f"/accounts/members/{actors.viewer.user.pk}/remove/")
    assert answer["Location"] == ALL
    assert "You belong to no organization" in text_of(actors.viewer.browser.get(ALL))
