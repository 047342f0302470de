"""Invitations: by mail, for one verified address, good for seven days and once."""

import datetime as dt
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.accounts.models import AuditEntry, Invitation, Mail, Membership, Organization, Role, User
from apps.accounts.services import accept_invitation, invite_member, set_suspended
from apps.common.errors import DomainError, NotFound
from tests.factories.accounts import MembershipFactory, UserFactory
from tests.furniture.people import Actors, Person
from tests.furniture.query_counts import Check

ACCEPT = "/api/v1/invitations/accept"
EMAIL = "Guest@Example.com"
LINK = re.compile(r"/accounts/invitations/([^/\s]+)/")

Outbox = list[EmailMultiAlternatives]


def url_of(organization: Organization) -> str:
    return f"/api/v1/organizations/{organization.pk}/invitations"


def invite(person: Person, *, email: str = EMAIL, role: str = "analyst") -> Any:
    assert person.organization is not None
    return person.api.post(url_of(person.organization), {"email": email, "role": role}, format="json")


def guest(email: str = EMAIL.lower(), *, is_verified: bool = True) -> Person:
    user = UserFactory.create(email=email, email_verified_at=timezone.now() if is_verified else None)
    return Person("guest", user=user)


def accept(person: Person, token: str) -> Any:
    return person.api.post(ACCEPT, {"token": token}, format="json")


def token_in(outbox: Outbox) -> str:
    match = LINK.search(str(outbox[-1].body))
    assert match is not None
    return match[1]


@pytest.fixture
def mailed(actors: Actors, run_jobs: Callable[[], int], mailoutbox: Outbox) -> Callable[..., str]:
    """Invite by the admin and give the token of the mail."""

    def send(**fields: Any) -> str:
        answer = invite(actors.admin, **fields)
        assert answer.status_code == 201, answer.content
        run_jobs()
        return token_in(mailoutbox)

    return send


def test_an_invited_person_joins_by_the_token_of_the_mail(
    actors: Actors, mailed: Callable[..., str], mailoutbox: Outbox
) -> None:
    token, invited = mailed(role="manager"), guest()
    assert mailoutbox[-1].to == [EMAIL]
    assert actors.organization.name in mailoutbox[-1].subject
    answer = accept(invited, token)
    assert answer.status_code == 200, answer.content
    assert answer.json()["role"] == "manager"
    assert invited.api.get("/api/v1/datasets").status_code == 200
    assert actors.admin.api.get(url_of(actors.organization)).json()["results"] == []
    assert accept(invited, token).status_code == 404
    verbs = AuditEntry.objects.filter(organization=actors.organization).order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == [
        "accounts.invitation_created",
        "accounts.invitation_accepted",
        "accounts.member_added",
    ]


def test_another_address_or_an_unverified_one_finds_nothing(mailed: Callable[..., str]) -> None:
    """Edge case 5."""
    token = mailed()
    for person in (guest("other@example.com"), guest(is_verified=False)):
        answer = accept(person, token)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not Membership.objects.filter(user__email__iexact=EMAIL).exists()
    User.objects.with_email(EMAIL).update(email_verified_at=timezone.now())
    assert accept(Person("guest", user=User.objects.with_email(EMAIL).get()), token).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "é" * 100])
def test_a_token_that_is_none_is_404_or_422(actors: Actors, token: str) -> None:
    assert accept(guest(), token).status_code in {404, 422}


def test_the_token_is_in_no_answer_and_no_table(actors: Actors, mailed: Callable[..., str]) -> None:
    token = mailed()
    rows = actors.admin.api.get(url_of(actors.organization))
    assert token not in rows.content.decode()
    assert not bytes(Mail.objects.get().context)
    assert token.encode() not in bytes(Invitation.objects.get().token_hash)


def test_it_ends_after_seven_days(mailed: Callable[..., str], actors: Actors) -> None:
    token = mailed()
    row = Invitation.objects.get()
    assert abs(row.expires_at - timezone.now() - dt.timedelta(days=7)) < dt.timedelta(minutes=1)
    Invitation.objects.update(expires_at=timezone.now())
    assert accept(guest(), token).status_code == 404
    (shown,) = actors.admin.api.get(url_of(actors.organization)).json()["results"]
    assert shown["is_pending"] is False
    assert invite(actors.admin).status_code == 201  # the old one stands aside


def test_an_address_has_one_pending_invitation_and_a_member_none(actors: Actors) -> None:
    assert invite(actors.admin).status_code == 201
    again = invite(actors.manager, email=EMAIL.upper())
    assert (again.status_code, again.json()["code"]) == (409, "conflict.duplicate")
    member = invite(actors.admin, email=actors.viewer.user.email.upper())  # type: ignore[union-attr]
    assert (member.status_code, member.json()["code"]) == (409, "accounts.already_member")
    assert invite(actors.stranger).status_code == 201  # another organization


def test_nobody_invites_above_their_own_role(actors: Actors) -> None:
    answer = invite(actors.manager, role="admin")
    assert (answer.status_code, answer.json()["code"]) == (403, "accounts.role_too_high")
    assert invite(actors.manager, role="manager").status_code == 201
    for name in ("analyst", "viewer", "key"):
        assert invite(actors[name]).json()["code"] == "permission.denied"
    Invitation.objects.update(role=Role.ADMIN)
    resend = actors.manager.api.post(f"/api/v1/invitations/{Invitation.objects.get().pk}/resend")
    assert resend.json()["code"] == "accounts.role_too_high"


@pytest.mark.parametrize("body", [{"email": "none", "role": "viewer"}, {"email": EMAIL, "role": "owner"}])
def test_a_wrong_value_is_422(actors: Actors, body: dict[str, str]) -> None:
    answer = actors.admin.api.post(url_of(actors.organization), body, format="json")
    assert answer.status_code == 422


def test_a_new_mail_makes_the_first_token_void(
    actors: Actors, mailed: Callable[..., str], run_jobs: Callable[[], int], mailoutbox: Outbox
) -> None:
    first = mailed()
    Invitation.objects.update(expires_at=timezone.now())
    url = f"/api/v1/invitations/{Invitation.objects.get().pk}"
    assert actors.viewer.api.post(f"{url}/resend").status_code == 403
    assert actors.stranger.api.post(f"{url}/resend").status_code == 404
    answer = actors.manager.api.post(f"{url}/resend")
    assert (answer.status_code, answer.json()["is_pending"]) == (200, True)
    run_jobs()
    invited = guest()
    assert accept(invited, first).status_code == 404
    assert accept(invited, token_in(mailoutbox)).status_code == 200
    assert actors.manager.api.post(f"{url}/resend").status_code == 404


def test_invitations_count_as_mails_by_their_address_and_the_callers(actors: Actors) -> None:
    first = invite(actors.manager)
    assert first.status_code == 201
    url = f"/api/v1/invitations/{first.json()['id']}/resend"
    assert [actors.manager.api.post(url).status_code for _ in range(4)] == [200] * 4
    refused = actors.manager.api.post(url)
    assert (refused.status_code, refused["RateLimit-Policy"]) == (429, '"auth_mail";q=5;w=3600')
    others = [invite(actors.manager, email=f"guest{n}@example.com").status_code for n in range(16)]
    assert others == [201] * 15 + [429]
    assert Mail.objects.filter(template="invitation").count() == 20


def test_a_manager_takes_an_invitation_back(actors: Actors, mailed: Callable[..., str]) -> None:
    token = mailed()
    url = f"/api/v1/invitations/{Invitation.objects.get().pk}"
    for person, status in ((actors.stranger, 404), (actors.viewer, 403), (actors.key, 403)):
        assert person.api.delete(url).status_code == status
    assert actors.manager.api.delete(url).status_code == 204
    assert actors.manager.api.delete(url).status_code == 404
    assert accept(guest(), token).status_code == 404


def test_the_answer_names_where_the_invitation_is_found(actors: Actors) -> None:
    answer = invite(actors.admin)
    assert actors.admin.api.get(answer["Location"]).json() == answer.json()


def test_members_come_from_the_organizations_domains(actors: Actors, mailed: Callable[..., str]) -> None:
    Organization.objects.filter(pk=actors.organization.pk).update(allowed_email_domains=["example.com"])
    refused = invite(actors.admin, email="x@sub.example.com")
    assert refused.json()["errors"][0]["code"] == "domain_not_allowed"
    token = mailed()
    Organization.objects.filter(pk=actors.organization.pk).update(allowed_email_domains=["example.org"])
    assert accept(guest(), token).status_code == 403
    Organization.objects.filter(pk=actors.organization.pk).update(allowed_email_domains=[])
    assert accept(Person("guest", user=User.objects.with_email(EMAIL).get()), token).status_code == 200


def test_nobody_joins_a_suspended_a_deleted_or_the_installations_organization(
    actors: Actors, mailed: Callable[..., str]
) -> None:
    token, invited = mailed(), guest()
    set_suspended(organization=actors.organization, is_suspended=True)
    assert accept(invited, token).json()["code"] == "accounts.suspended"
    Organization.objects.filter(pk=actors.organization.pk).update(deleted_at=timezone.now())
    assert accept(invited, token).status_code == 404
    system = Organization.objects.get(slug="system")
    MembershipFactory.create(organization=system, user=invited.user, role=Role.ADMIN)
    answer = invited.api.post(url_of(system), {"email": "x@example.com", "role": "viewer"}, format="json")
    assert answer.status_code == 403


def test_a_key_accepts_nothing(actors: Actors, mailed: Callable[..., str]) -> None:
    assert accept(actors.key, mailed()).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_clicks_at_once_one_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    actors = Actors()
    monkeypatch.setattr("secrets.token_urlsafe", lambda _size: "known")
    invite_member(actor=actors.admin.actor, email=EMAIL, role=Role.VIEWER)
    user, barrier, outcomes = guest().user, threading.Barrier(2), []
    assert user is not None

    def click() -> None:
        try:
            barrier.wait(60)
            accept_invitation(user=user, token="known")
            outcomes.append("joined")
        except DomainError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["joined", NotFound.code]


def test_the_page_of_the_link_leads_through_the_sign_in_and_joins(
    actors: Actors, mailed: Callable[..., str]
) -> None:
    token, browser = mailed(role="viewer"), Client()
    opened = browser.get(f"/accounts/invitations/{token}/", follow=True)
    assert opened.redirect_chain == [("/accounts/invitation/", 302)]
    page = opened.content.decode()
    assert actors.organization.name in page
    assert token not in page
    assert 'href="/accounts/login/?next=/accounts/invitation/"' in page

    user = guest().user
    assert user is not None
    browser.force_login(user)
    assert f"Join as {user.name}" in browser.get("/accounts/invitation/").content.decode()
    joined = browser.post("/accounts/invitation/", follow=True)
    assert f"You are a member of {actors.organization.name} now." in joined.content.decode()


def test_the_page_tells_somebody_else_whom_it_is_for(actors: Actors, mailed: Callable[..., str]) -> None:
    token, browser = mailed(), actors.stranger.browser
    page = browser.get(f"/accounts/invitations/{token}/", follow=True).content.decode()
    assert "The invitation is for Guest@Example.com" in page
    assert browser.post("/accounts/invitation/").status_code == 404
    gone = Client().get("/accounts/invitations/none/", follow=True)
    assert gone.status_code == 404
    assert "not good any more" in gone.content.decode()


def test_the_list_runs_the_same_number_of_queries(actors: Actors, same_queries: Check) -> None:
    numbers = iter(range(100))

    def make() -> None:
        invite_member(actor=actors.admin.actor, email=f"g{next(numbers)}@example.com", role=Role.VIEWER)

    url = url_of(actors.organization)
    same_queries("GET /api/v1/organizations/{id}/invitations", make, lambda: actors.manager.api.get(url))


def test_a_guest_registers_behind_the_link_with_the_invited_address(
    actors: Actors, mailed: Callable[..., str], run_jobs: Callable[[], int], mailoutbox: Outbox
) -> None:
    browser = Client()
    assert b"Create an account" not in browser.get("/accounts/login/").content
    browser.get(f"/accounts/invitations/{mailed()}/")
    for page in ("/accounts/invitation/", "/accounts/login/"):
        assert b'href="/accounts/signup/"' in browser.get(page).content
    form = browser.get("/accounts/signup/").content.decode()
    assert f"You join {actors.organization.name}" in form
    assert 'value="Guest@Example.com"' in form

    sent = {"email": "somebody@else.example", "name": "Guest", "password": "a-long-unusual-phrase"}
    assert browser.post("/accounts/signup/", sent)["Location"] == "/accounts/login/"
    run_jobs()
    membership = Membership.objects.get(user__email__iexact=EMAIL)
    assert (membership.organization, membership.role) == (actors.organization, Role.ANALYST)
    assert browser.get("/accounts/signup/").status_code == 403


def test_accepting_makes_the_organization_the_active_one(actors: Actors, mailed: Callable[..., str]) -> None:
    somebody = actors.stranger
    assert somebody.user is not None
    token = mailed(email=somebody.user.email)
    somebody.user.email_verified_at = timezone.now()
    somebody.user.save()
    somebody.browser.get(f"/accounts/invitations/{token}/")
    assert somebody.browser.post("/accounts/invitation/")["Location"] == "/"
    assert f"<h1>{actors.organization.name}</h1>".encode() in somebody.browser.get("/").content
