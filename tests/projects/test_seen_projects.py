"""The project of an address is found by the rule that says who sees which, whoever asks."""

import uuid
from typing import Any

import pytest
from django.db.models import QuerySet

from apps.projects.models import Project
from apps.projects.queries.seen import SEEN, find_visible
from apps.projects.states import Visibility
from tests.factories.projects import ProjectFactory
from tests.furniture.people import NAMES, Actors

PEOPLE = [name for name in NAMES if name != "anonymous"]


def compiled(queryset: QuerySet[Any]) -> tuple[str, list[Any]]:
    sql, parameters = queryset.query.sql_with_params()
    return sql, list(parameters)


@pytest.mark.parametrize("name", PEOPLE)
def test_the_prepared_statement_is_the_rule_itself(actors: Actors, name: str) -> None:
    actor, project_id = actors[name].actor, uuid.uuid4()
    rows = Project.objects.visible_to(actor).select_related("mirror", "owner").filter(pk=project_id)
    person = actor.person
    filled = SEEN[actor.role, person is not None].statement.filled_in(
        {
            "organization": actor.organization.pk,
            "project": project_id,
            "person": person.pk if person else None,
        }
    )
    # Django puts an expression on the right side in brackets, a value not.
    assert (filled.sql.replace("(%s)", "%s"), list(filled.parameters)) == compiled(rows)


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("name", PEOPLE)
def test_who_is_shown_a_project_is_who_sees_it(actors: Actors, name: str, visibility: Visibility) -> None:
    actor = actors[name].actor
    project = ProjectFactory.create(
        organization=actors.organization, owner=actors.analyst.user, visibility=visibility
    )
    seen = Project.objects.visible_to(actor).filter(pk=project.pk).first()
    found = find_visible(actor, project.pk)
    assert found == seen
    if found is not None and seen is not None:
        assert (found.owner, found.settings, found.created_at) == (seen.owner, seen.settings, seen.created_at)
