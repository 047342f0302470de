"""Prepared queries are the ordinary ones, and nothing is prepared that depends on more than its values."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts import queries
from apps.accounts.models import ApiKey, Membership, Session
from apps.common.prepared import NotPreparable, Prepared, prepare_visible
from apps.common.viewsets import ResourceViewSet, prepared_of
from apps.datasets.models import Dataset
from tests.architecture.routes import addresses
from tests.furniture.people import NAMES, Actors

VIEWSETS = sorted(
    {
        address.view.cls
        for address in addresses()
        if hasattr(address.view, "actions") and issubclass(address.view.cls, ResourceViewSet)
    },
    key=lambda viewset: viewset.__name__,
)
PREPARED = [viewset for viewset in VIEWSETS if prepared_of(viewset) is not None]


def compiled(queryset: QuerySet[Any]) -> tuple[str, list[Any]]:
    sql, parameters = queryset.query.sql_with_params()
    return sql, list(parameters)


def test_some_viewsets_are_prepared_and_some_cannot_be() -> None:
    names = {viewset.__name__ for viewset in PREPARED}
    assert "DatasetViewSet" in names
    assert "ApiKeyViewSet" not in names  # who sees which key depends on role and person
    assert {viewset.__name__ for viewset in VIEWSETS} > names


@pytest.mark.parametrize("name", [name for name in NAMES if name != "anonymous"])
@pytest.mark.parametrize("viewset", PREPARED)
def test_a_prepared_look_up_is_what_the_wall_between_organizations_says(
    actors: Actors, name: str, viewset: type[ResourceViewSet[Any]]
) -> None:
    prepared = prepared_of(viewset)
    assert prepared is not None
    assert viewset.queryset is not None
    actor = actors[name].actor
    value: uuid.UUID | str = uuid.uuid4()
    if viewset.lookup_field == "name":
        value = str(value)
    ordinary = viewset.queryset.all().visible_to(actor).filter(**{viewset.lookup_field: value})  # type: ignore[attr-defined]
    filled = prepared.statement.filled_in({"organization": actor.organization.pk, "value": value})
    # Django puts an expression on the right side in brackets, a value not.
    assert (filled.sql.replace("(%s)", "%s"), list(filled.parameters)) == compiled(ordinary)


def test_a_prepared_key_is_the_one_the_orm_loads(actors: Actors) -> None:
    key = actors.key.key
    assert key is not None
    ordinary = ApiKey.objects.with_creator().get(pk=key.pk)
    found = queries.find_api_key(key.prefix)
    assert found is not None
    assert columns(found) == columns(ordinary)
    assert columns(found.organization) == columns(ordinary.organization)
    assert found.created_by is not None
    assert ordinary.created_by is not None
    assert columns(found.created_by) == columns(ordinary.created_by)
    assert not found._state.adding
    assert queries.find_api_key("unknown0") is None


def columns(row: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if name != "_state"}


def test_what_changes_is_seen_by_the_next_look_up(actors: Actors) -> None:
    key = actors.key.key
    assert key is not None
    Membership.objects.filter(user=actors.admin.user).update(role="viewer")
    found = queries.find_api_key(key.prefix)
    assert found is not None
    assert found.effective_role == "viewer"
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    assert queries.find_api_key(key.prefix) is None


@pytest.mark.parametrize(
    "build",
    [
        lambda value: Session.objects.filter(pk=value, expires_at__gt=timezone.now()),
        lambda value: Dataset.objects.filter(pk=value).none(),
        lambda value: Dataset.objects.filter(pk=value).values("pk"),
        lambda value: Dataset.objects.filter(pk=value).prefetch_related("imports"),
    ],
    ids=["a clock of the process", "no rows at all", "no objects", "more than one query"],
)
def test_what_is_not_the_same_single_statement_each_time_is_refused(
    build: Callable[[Any], QuerySet[Any]],
) -> None:
    with pytest.raises(NotPreparable):
        Prepared(build, "value").first(value=uuid.uuid4())


def test_rows_whose_sight_depends_on_the_person_are_looked_up_the_ordinary_way() -> None:
    assert prepare_visible(ApiKey.objects.all(), "pk") is None
