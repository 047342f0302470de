"""What tests of proposals share."""

from collections.abc import Callable

import pytest

from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.projects.manifests.building import publish_head
from tests.projects.proposals.renames import FILES, Shop
from tests.projects.repositories import Repository


@pytest.fixture
def shop(actors: Actors, make_repository: Callable[[str], Repository]) -> Shop:
    """A published project of a few files, owned by the analyst."""
    repository = make_repository("shop")
    repository.commit(dict(FILES))
    project = ProjectFactory.create(organization=actors.organization, owner=actors.analyst.user)
    publish_head(project, repository)
    return Shop(project, repository)
