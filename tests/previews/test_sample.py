"""The sample organization has a preview to look at, which goes with it."""

from pathlib import Path

from apps.previews.models import Session
from apps.previews.sample import make_sample, remove_sample
from tests.furniture.people import Actors
from tests.previews.stories import SESSIONS, fetch, project_of


def test_a_sample_is_shared_once_and_removed(actors: Actors, media: Path) -> None:
    assert make_sample(actors.organization) is None
    project_of(actors.admin)
    made = make_sample(actors.organization)
    assert made is not None
    assert make_sample(actors.organization) is None
    opened = actors.viewer.api.post(f"{SESSIONS}/{made.pk}/open")
    assert opened.status_code == 200
    assert fetch(opened.json()["url"]).getvalue().startswith(b"PK")
    remove_sample(actors.organization)
    remove_sample(actors.organization)
    assert not Session.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]
