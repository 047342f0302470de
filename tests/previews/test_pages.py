"""Pages of previews: what each person sees, and that the page of a link tells nobody anything."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.previews.agents import name_of_agent
from apps.previews.models import Session
from tests.factories.previews import make_preview
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.previews.conftest import Ready
from tests.previews.stories import create, project_of, visit


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_shows_live_and_ended_previews_apart(actors: Actors) -> None:
    live, over = create(actors.analyst, label="Harbour"), create(actors.analyst, label="Lighthouse")
    Session.objects.filter(pk=over["id"]).update(expires_at=timezone.now() - timedelta(seconds=60))
    page, ended = (
        shown(actors.viewer.browser, "/previews/"),
        shown(actors.viewer.browser, "/previews/?show=ended"),
    )
    assert ("Harbour" in page, "Lighthouse" in page) == (True, False)
    assert ("Harbour" in ended, "Lighthouse" in ended) == (False, True)
    assert live["token"] not in page
    assert "Harbour" not in shown(actors.stranger.browser, "/previews/")


def test_who_may_share_is_offered_the_dialog_with_their_projects(actors: Actors) -> None:
    mine, others = project_of(actors.analyst, name="Mine"), project_of(actors.admin, name="Others")
    page = shown(actors.analyst.browser, "/previews/")
    assert (str(mine.pk) in page, str(others.pk) in page) == (True, False)
    assert str(others.pk) in shown(actors.manager.browser, "/previews/")
    assert "New preview" not in shown(actors.viewer.browser, "/previews/")


def test_a_preview_is_shown_with_devices_log_and_buttons(actors: Actors, ready: Ready) -> None:
    made = ready(label="<i>Harbour")
    agent: dict[str, Any] = {"User-Agent": "Mozilla/5.0 (iPhone) Version/19 Safari/604"}
    visit("grants", made["token"], **agent)
    page = shown(actors.analyst.browser, f"/previews/{made['id']}/")
    assert "&lt;i&gt;Harbour" in page
    assert "Safari on iPhone" in page
    assert "127.0.0.0/24" in page
    assert made["token"] not in page
    assert 'data-act="revoke"' in page
    plain = shown(actors.viewer.browser, f"/previews/{made['id']}/")
    assert 'data-act="open"' in plain
    assert 'data-act="revoke"' not in plain
    assert "data-remove" not in plain
    assert "Safari on iPhone" not in plain
    assert "127.0.0.0/24" not in plain
    assert actors.stranger.browser.get(f"/previews/{made['id']}/").status_code == 404


def test_the_page_of_a_link_is_the_same_for_every_id_and_reads_no_table(
    actors: Actors, django_assert_num_queries: Callable[[int], object]
) -> None:
    made = create(actors.analyst)
    pages = []
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        for public_id in (made["public_id"], "abcdefgh2345"):
            answer = Client().get(f"/p/{public_id}")
            assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
            assert answer["X-Robots-Tag"] == "noindex"
            pages.append(_without_nonce(answer.content.decode()).replace(public_id, ""))
    assert pages[0] == pages[1]
    for wrong in ("short", "ABCDEFGH2345", "abcdefgh23456", f"{made['public_id']}/x"):
        assert Client().get(f"/p/{wrong}").status_code in {301, 404}


def _without_nonce(page: str) -> str:
    return re.sub(r'nonce="[^"]*"', "", page)


def test_the_list_and_the_card_take_the_same_queries_for_one_row_and_twenty(
    actors: Actors, same_queries: Check
) -> None:
    def add() -> None:
        make_preview(ProjectFactory.create(organization=actors.organization, owner=actors.admin.user))

    same_queries("GET /previews/", add, lambda: actors.viewer.browser.get("/previews/"))
    same_queries("GET /previews/card", add, lambda: actors.viewer.browser.get("/previews/card"))


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140 Safari/537.36 Edg/140", "Edge on Windows"),
        ("curl/8.5.0", "curl 8.5.0"),
        ("", ""),
        ("<script>", ""),
    ],
)
def test_programs_have_short_names(agent: str, name: str) -> None:
    assert name_of_agent(agent) == name
