"""What tests of manifests share."""

from collections.abc import Callable

import pytest

from apps.projects.models import Project
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.projects.repositories import Repository


@pytest.fixture
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    """Give an empty repository."""
    return make_repository("remote")


@pytest.fixture
def project(actors: Actors) -> Project:
    """Give a project that the actors' whole organization sees, without a mirror."""
    return ProjectFactory.create(organization=actors.organization)
