"""The suite's own furniture: what every other test relies on."""

import socket

import httpx
import pytest
import redis
from django.conf import settings
from django.db import connection, transaction

from apps.accounts.models import Organization, User
from tests.factories.accounts import OrganizationFactory, UserFactory
from tests.furniture.network import NetworkBlocked
from tests.furniture.people import NAMES, Actors


def test_each_process_works_on_a_clone_of_its_own(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone()[0].startswith("sextant_test_clone")


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_what_a_test_commits_is_gone_in_the_next(time: int) -> None:
    assert not User.objects.exists()
    UserFactory.create()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE left_behind (number integer)")
    transaction.on_commit(lambda: None)


def test_a_test_without_commits_sees_nothing_of_one_with(db: None) -> None:
    assert not User.objects.exists()
    assert "left_behind" not in connection.introspection.table_names()


def test_the_roles_are_members_of_one_organization_and_the_stranger_of_another(actors: Actors) -> None:
    assert actors.stranger.organization != actors.organization
    for name in ("admin", "manager", "analyst", "viewer"):
        assert actors[name].actor.role == name
        assert actors[name].organization == actors.organization
    assert Organization.objects.filter(pk=actors.organization.pk).exists()
    assert {person.name for person in actors} == set(NAMES)


def test_a_foreign_host_is_refused_by_address_and_by_name(refused_hosts: list[str]) -> None:
    with pytest.raises(NetworkBlocked), socket.socket() as raw:
        raw.connect(("192.0.2.1", 80))
    with pytest.raises(NetworkBlocked):
        httpx.get("http://sextant.example/")
    assert refused_hosts == ["192.0.2.1", "sextant.example"]
    refused_hosts.clear()


def test_valkey_is_empty_at_the_start_and_not_the_installations_own(valkey: redis.Redis) -> None:
    assert valkey.dbsize() == 0
    assert valkey.connection_pool.connection_kwargs["db"] > 7
    assert settings.CACHES["default"]["LOCATION"] == settings.REDIS_URL
    valkey.set("left", "behind")


def test_a_list_that_queries_per_row_fails_the_count(same_queries, rf) -> None:  # type: ignore[no-untyped-def]
    class Answer:
        status_code = 200

    def query_per_row() -> Answer:
        for organization in Organization.objects.all():
            organization.memberships.count()
        return Answer()

    with pytest.raises(AssertionError, match="queries with 1 row"):
        same_queries("nowhere", OrganizationFactory.create, query_per_row)
