"""What tests of previews share."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.previews.models import Session
from tests.furniture.people import Actors, Person
from tests.previews.stories import create, upload, zip_of

Ready = Callable[..., dict[str, Any]]


@pytest.fixture
def ready(actors: Actors, run_jobs: Callable[[], int]) -> Ready:
    """Give a function that makes a session whose bundle is ready, by default the analyst's."""

    def make(person: Person | None = None, content: bytes = b"", **fields: Any) -> dict[str, Any]:
        chosen = person or actors.analyst
        made = create(chosen, **fields)
        assert upload(chosen, made["id"], content or zip_of()).status_code == 202
        run_jobs()
        assert Session.objects.get(pk=made["id"]).status == "ready"
        return made

    return make
