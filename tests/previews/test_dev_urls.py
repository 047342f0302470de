"""Addresses of development servers: which are taken, and that nobody here calls them."""

import pytest
from pytest_django.fixtures import Settings

from apps.previews.dev_urls import checked_dev_url
from apps.previews.errors import DevUrlNotAllowed
from tests.furniture.people import Actors
from tests.previews.stories import SESSIONS, create, visit

TAKEN = [
    "https://dev.example.com/",
    "https://dev.example.com:8443/app?x=1",
    "https://203.0.113.9:3000/",
    "https://10.1.2.3/",
    "http://192.168.1.20:5173/",
    "http://10.0.0.7/",
    "http://172.31.0.1:8081/",
    "http://[fd00::1]:3000/",
    "http://laptop.local:5173/",
]
REFUSED = [
    "http://dev.example.com/",
    "http://203.0.113.9/",
    "http://172.32.0.1/",
    "http://localhost:3000/",
    "https://localhost:3000/",
    "https://app.localhost/",
    "https://127.0.0.1/",
    "https://127.8.8.8/",
    "https://[::1]/",
    "https://[::ffff:7f00:1]/",
    "https://0.0.0.0/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://[fe80::1]/",
    "http://169.254.169.254/",
    "https://user@dev.example.com/",
    "https://user:pass@dev.example.com/",
    "https://dev.example.com/#top",
    "https://dev.example.com\\@evil.example/",
    "ftp://10.0.0.7/",
    "javascript:alert(1)",
    "//dev.example.com/",
    "https://",
    "",
    "https://" + "a" * 2_100,
]


@pytest.mark.parametrize("url", TAKEN)
def test_https_anywhere_and_http_for_private_places_is_taken(url: str) -> None:
    assert checked_dev_url(url) == url


@pytest.mark.parametrize("url", REFUSED)
def test_what_leads_each_device_to_itself_or_is_plain_in_public_is_refused(url: str) -> None:
    with pytest.raises(DevUrlNotAllowed):
        checked_dev_url(url)


def test_a_dev_server_makes_the_session_ready_and_is_never_called(actors: Actors, settings: Settings) -> None:
    # Whoever called it would meet the wall around the suite, which fails the test.
    settings.PREVIEWS_DEV_URLS = True
    made = create(actors.analyst)
    address = f"{SESSIONS}/{made['id']}/bundle"
    answer = actors.analyst.api.post(address, {"dev_server_url": "http://10.0.0.7:3000/a"}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    found = visit("resolve", made["token"]).json()
    assert (found["dev_server_url"], found["insecure"]) == ("http://10.0.0.7:3000/a", True)
    assert (found["bundle"], found["revision"]) == (None, 1)
    assert visit("grants", made["token"]).status_code == 409
    again = actors.analyst.api.post(address, {"dev_server_url": "https://a.example/"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "previews.already_ready")


def test_without_the_setting_and_with_a_wrong_address_nothing_changes(
    actors: Actors, settings: Settings
) -> None:
    made = create(actors.analyst)
    address = f"{SESSIONS}/{made['id']}/bundle"
    settings.PREVIEWS_DEV_URLS = False
    off = actors.analyst.api.post(address, {"dev_server_url": "https://a.example/"}, format="json")
    assert (off.status_code, off.json()["code"]) == (409, "previews.dev_urls_off")
    settings.PREVIEWS_DEV_URLS = True
    wrong = actors.analyst.api.post(address, {"dev_server_url": "http://localhost/"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "previews.dev_url_not_allowed")
    assert visit("resolve", made["token"]).json()["status"] == "pending"
