"""Signing in by the API: tokens out, tokens in, whose organization it is."""

from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.accounts.models import Organization, Role, Session, User
from apps.common.quotas import merged
from tests.factories.accounts import PASSWORD, MembershipFactory, OrganizationFactory, create_member

pytestmark = pytest.mark.django_db

LOGIN = "/api/v1/auth/login"


def sign_in(email: str, **fields: str) -> Any:
    return APIClient().post(LOGIN, {"email": email, "password": PASSWORD, **fields}, format="json")


@pytest.fixture
def user() -> User:
    return create_member(OrganizationFactory.create(), Role.ANALYST)


def bearer(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_a_sign_in_gives_a_pair_that_opens_the_api(user: User) -> None:
    answer = sign_in(user.email.upper(), label="laptop")

    assert answer.status_code == 200, answer.content
    pair = answer.json()
    assert pair["expires_in"] == 3600
    assert 30 * 86_400 - 60 < pair["refresh_expires_in"] <= 30 * 86_400
    assert pair["user"] == {"id": str(user.pk), "email": user.email, "name": user.name}
    assert pair["organization"]["id"] == str(user.default_organization_id)
    me = bearer(pair["access"]).get("/api/v1/me")
    assert me.status_code == 200, me.content
    assert me.json()["email"] == user.email
    assert me.json()["memberships"][0]["role"] == "analyst"
    session = Session.objects.get()
    assert (str(session.pk), session.label) == (pair["session_id"], "laptop")
    claims = jwt.decode(pair["access"], options={"verify_signature": False})
    assert {"iss", "aud", "typ", "sub", "sid", "org", "gen", "jti", "iat", "exp"} == claims.keys()
    assert "kid" in jwt.get_unverified_header(pair["access"])


@pytest.mark.parametrize("fields", [{"password": "wrong but long"}, {"email": "nobody@example.com"}])
def test_a_wrong_password_and_an_unknown_address_look_alike(user: User, fields: dict[str, str]) -> None:
    answer = APIClient().post(LOGIN, {"email": user.email, "password": PASSWORD} | fields, format="json")

    assert answer.status_code == 401
    assert answer.json()["code"] == "auth.invalid_credentials"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_inactive_user_cannot_sign_in_and_loses_their_tokens(user: User) -> None:
    token = sign_in(user.email).json()["access"]
    user.is_active = False
    user.save()

    assert sign_in(user.email).status_code == 401
    assert bearer(token).get("/api/v1/me").json()["code"] == "auth.session_revoked"


def test_without_credentials_the_answer_is_401_with_a_challenge(client: Client) -> None:
    answer = client.get("/api/v1/me")

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "auth.required"
    assert "Bearer" in answer["WWW-Authenticate"]


def test_x_organization_switches_by_id_or_short_name_and_hides_the_others(user: User) -> None:
    second = OrganizationFactory.create()
    MembershipFactory.create(organization=second, user=user, role=Role.VIEWER)
    client = bearer(sign_in(user.email).json()["access"])

    for name in (str(second.pk), second.slug):
        assert client.get("/api/v1/api-keys", HTTP_X_ORGANIZATION=name).status_code == 403
    assert client.get("/api/v1/api-keys").status_code == 200
    foreign = OrganizationFactory.create()
    for name in (str(foreign.pk), foreign.slug, "no-such"):
        answer = client.get("/api/v1/api-keys", HTTP_X_ORGANIZATION=name)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_header_x_api_key_takes_a_token_too_but_not_a_second_one(user: User) -> None:
    first, second = (sign_in(user.email).json()["access"] for _ in range(2))
    client = APIClient()

    assert client.get("/api/v1/me", HTTP_X_API_KEY=f" {first} ").status_code == 200
    both = {"HTTP_AUTHORIZATION": f"Bearer {first}", "HTTP_X_API_KEY": first}
    assert client.get("/api/v1/me", **both).status_code == 200
    answer = client.get("/api/v1/me", **(both | {"HTTP_X_API_KEY": second}))
    assert (answer.status_code, answer.json()["code"]) == (400, "auth.multiple_credentials")


@pytest.mark.parametrize("name", ["api_key", "key", "token", "access_token"])
def test_a_credential_in_the_address_is_refused_unread(client: Client, name: str) -> None:
    answer = client.get(f"/api/v1/me?{name}=anything")

    assert (answer.status_code, answer.json()["code"]) == (400, "auth.key_in_query")


def test_a_member_of_nothing_is_told_so(user: User) -> None:
    user.memberships.all().delete()
    client = bearer(sign_in(user.email).json()["access"])

    assert client.get("/api/v1/me").status_code == 200
    answer = client.get("/api/v1/api-keys")
    assert (answer.status_code, answer.json()["code"]) == (409, "accounts.no_organization")


def test_a_suspended_organization_is_closed(user: User) -> None:
    client = bearer(sign_in(user.email).json()["access"])
    Organization.objects.update(suspended_at=timezone.now())

    answer = client.get("/api/v1/api-keys")
    assert (answer.status_code, answer.json()["code"]) == (403, "accounts.suspended")


def test_a_demotion_acts_on_the_next_request(user: User) -> None:
    client = bearer(sign_in(user.email).json()["access"])
    assert client.get("/api/v1/api-keys").status_code == 200
    user.memberships.update(role=Role.VIEWER)

    assert client.get("/api/v1/api-keys").json()["code"] == "permission.denied"


def test_the_page_cookie_signs_reads_in_and_needs_the_csrf_token_to_write(user: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)

    assert client.get("/api/v1/me").status_code == 200
    refused = client.post("/api/v1/organizations", {"name": "X"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.csrf_failed")
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    accepted = client.post("/api/v1/organizations", {"name": "X"}, format="json", HTTP_X_CSRFTOKEN="a" * 32)
    assert accepted.status_code == 201, accepted.content


def test_a_sign_out_ends_the_session_at_once(user: User) -> None:
    pair = sign_in(user.email).json()
    client = bearer(pair["access"])

    assert client.post("/api/v1/auth/logout").status_code == 204
    assert client.get("/api/v1/me").json()["code"] == "auth.session_revoked"
    refused = APIClient().post("/api/v1/auth/refresh", {"refresh": pair["refresh"]}, format="json")
    assert refused.json()["code"] == "auth.session_revoked"


def test_the_21st_session_ends_the_oldest(user: User, settings: Settings) -> None:
    settings.RATE_LIMITS = merged({"auth_login": 100})  # all of them at once
    oldest = sign_in(user.email).json()["access"]
    for _ in range(20):
        newest = sign_in(user.email).json()["access"]

    assert bearer(oldest).get("/api/v1/me").json()["code"] == "auth.session_revoked"
    assert bearer(newest).get("/api/v1/me").status_code == 200
