"""The overview has a card of projects: how many, which need somebody, which changed last."""

import datetime as dt
import re

import pytest
from django.utils import timezone

from apps.projects.models import Mirror
from apps.projects.states import MirrorState, Visibility
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

CARD = "/projects/card"


def shown(actors: Actors, name: str = "viewer") -> str:
    answer = actors[name].browser.get(CARD)
    assert answer.status_code == 200
    return str(answer.content.decode())


def figures(page: str) -> list[str]:
    return re.findall(r"<dd>(\d+)</dd>", page)


def make(actors: Actors, name: str, state: MirrorState, hours: int, **fields: object) -> None:
    project = ProjectFactory.create(organization=actors.organization, name=name, **fields)
    Mirror.objects.create(
        organization=actors.organization,
        project=project,
        url="https://git.example/a.git",
        host="git.example",
        port=443,
        state=state,
        last_changed_at=timezone.now() - dt.timedelta(hours=hours),
    )


def test_it_counts_what_the_viewer_sees(actors: Actors) -> None:
    make(actors, "Compass<", MirrorState.ACTIVE, 3)
    make(actors, "Sextant", MirrorState.AUTH_FAILED, 1)
    make(actors, "Hidden", MirrorState.STALE, 1, visibility=Visibility.PRIVATE)
    make(actors, "Old", MirrorState.STALE, 1, archived_at=timezone.now())
    page = shown(actors)
    assert figures(page) == ["2", "1", "0"]
    assert re.findall(r'table-name" href="[^"]+">([^<]+)<', page) == ["Sextant", "Compass&lt;"]
    assert figures(shown(actors, "admin")) == ["3", "2", "0"]


@pytest.mark.parametrize(("name", "words"), [("analyst", "Create a project"), ("viewer", "Ask an analyst")])
def test_without_projects_it_says_what_to_do(actors: Actors, name: str, words: str) -> None:
    assert words in shown(actors, name)


def test_many_projects_take_as_many_queries_as_one(actors: Actors, same_queries: Check) -> None:
    numbers = iter(range(100))
    same_queries(
        "projects-card",
        lambda: make(actors, f"Project {next(numbers)}", MirrorState.ACTIVE, 1),
        lambda: actors.viewer.browser.get(CARD),
    )
