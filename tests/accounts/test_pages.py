"""Sign-in, overview and error pages as people see them."""

from django.test import Client

from tests.factories.accounts import PASSWORD, UserFactory
from tests.furniture.people import Actors


def test_a_guest_is_sent_to_the_sign_in_and_comes_back(actors: Actors) -> None:
    browser = Client()
    response = browser.get("/datasets/?search=a")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/datasets/%3Fsearch%3Da"
    form = {"login": actors.viewer.user.email, "password": PASSWORD, "next": "/datasets/"}  # type: ignore[union-attr]
    assert browser.post("/accounts/login/", form)["Location"] == "/datasets/"


def test_a_wrong_password_keeps_the_address_and_says_so(actors: Actors) -> None:
    response = Client().post("/accounts/login/", {"login": "nobody@example.com", "password": "wrong"})
    page = response.content.decode()
    assert response.status_code == 200
    assert 'value="nobody@example.com"' in page
    assert 'role="alert"' in page


def test_the_overview_names_the_organization_and_offers_its_cards(actors: Actors) -> None:
    page = actors.viewer.browser.get("/").content.decode()
    assert f"<h1>{actors.organization.name}</h1>" in page
    assert 'hx-get="/datasets/card"' in page


def test_a_user_without_organization_is_told_so_in_words(actors: Actors) -> None:
    browser = Client()
    browser.force_login(UserFactory.create())
    response = browser.get("/")
    assert response.status_code == 409
    assert "accounts.no_organization" in response.content.decode()


def test_an_unknown_address_is_a_page_with_its_request_id(actors: Actors) -> None:
    response = actors.viewer.browser.get("/nowhere", headers={"X-Request-Id": "request-of-test"})
    page = response.content.decode()
    assert response.status_code == 404
    assert "request-of-test" in page
    assert "not_found" in page


def test_every_error_code_has_a_page(actors: Actors) -> None:
    page = Client().get("/problems/permission.denied").content.decode()
    assert "Your role does not allow this." in page
    assert Client().get("/problems/no.such.code").status_code == 404


def test_scripts_carry_the_nonce_of_the_policy(actors: Actors) -> None:
    response = actors.viewer.browser.get("/")
    page = response.content.decode()
    assert '<script type="importmap" nonce="' in page
    nonce = page.split('<script type="importmap" nonce="')[1].split('"')[0]
    assert f"'nonce-{nonce}'" in response["Content-Security-Policy"]
    assert " style=" not in page
    assert " onclick=" not in page
