"""Who watches a project hears what a sync does, those in charge of trouble, and nobody of no news."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from apps.accounts.models import Membership, Notification, Role
from apps.common.errors import Forbidden, NotFound
from apps.common.live.streams import Address
from apps.common.live.topics import find_topic
from apps.projects.models import MirrorRun, Project
from apps.projects.services.mirrors import start_sync
from apps.projects.states import Visibility
from tests.furniture.people import Actors, Person
from tests.furniture.valkey import told
from tests.projects.mirroring.conftest import Linked
from tests.projects.repositories import Repository


def may_watch(person: Person, name: str) -> bool:
    try:
        find_topic(person.actor, name).check_row(person.actor, name)
    except (Forbidden, NotFound):
        return False
    return True


def heard(valkey: redis.Redis, project: Project, act: Callable[[], object]) -> list[tuple[str, Any]]:
    """Return type and data of what a project's topic carries while something happens."""
    with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(Address(project.organization_id, f"projects.{project.pk}").channel)
        pubsub.get_message(timeout=60)  # that it is subscribed
        act()
        frames = [json.loads(message["data"].partition(b"\n")[2]) for message in told(pubsub)]
    return [(frame["type"], frame["data"]) for frame in frames]


@pytest.mark.django_db
def test_a_project_is_watched_by_whoever_sees_it(linked: Linked, actors: Actors) -> None:
    Project.objects.update(organization=actors.organization, visibility=Visibility.PRIVATE)
    name = f"projects.{linked.project.pk}"
    assert may_watch(actors.admin, name)
    assert not may_watch(actors.viewer, name)
    assert not may_watch(actors.stranger, name)
    assert not may_watch(actors.admin, "projects.x")


@pytest.mark.django_db(transaction=True)
def test_a_sync_is_told_as_it_goes_and_no_news_is_not_told(
    linked: Linked, remote: Repository, valkey: redis.Redis
) -> None:
    head = remote.commit({"a": "1"})
    carried = heard(valkey, linked.project, linked.link)
    kinds = [kind for kind, _ in carried]
    assert kinds[-2:] == ["manifest.published", "sync.finished"] or set(kinds[-3:]) >= {
        "manifest.published", "sync.finished",
    }  # fmt: skip
    stages = [data["stage"] for kind, data in carried if kind == "sync.progress"]
    assert stages == sorted(stages, key=["fetching", "checking", "manifest", "publishing"].index)
    (finished,) = [data for kind, data in carried if kind == "sync.finished"]
    assert (finished["outcome"], finished["commit"], finished["error"]) == ("changed", head, None)
    assert heard(valkey, linked.project, linked.sync) == []


@pytest.mark.django_db
def test_a_rewritten_history_is_told_to_those_in_charge(
    linked: Linked, remote: Repository, actors: Actors
) -> None:
    Project.objects.update(organization=actors.organization, owner=actors.analyst.user)
    linked.project.refresh_from_db()
    remote.commit({"a": "1"})
    linked.link()
    remote.commit({"b": "1"}, is_root=True)
    linked.sync()
    (notice,) = Notification.objects.filter(user=actors.analyst.user)
    assert notice.kind == "projects.history_rewritten"
    assert "heads/main" in notice.body


@pytest.mark.django_db
def test_a_run_whose_starter_may_no_longer_sync_is_not_started(
    linked: Linked, remote: Repository, actors: Actors
) -> None:
    Project.objects.update(organization=actors.organization, owner=actors.analyst.user)
    linked.project.refresh_from_db()
    remote.commit({"a": "1"})
    linked.link()
    run, _ = start_sync(actor=actors.analyst.actor, project=linked.project)
    Membership.objects.filter(user=actors.analyst.user).update(role=Role.VIEWER)
    ended = linked.run(run)
    assert (ended.status, ended.error_code) == ("failed", "job.permission_lost")
    mirror = linked.mirror
    assert mirror.failures == 0
    assert mirror.next_due_at is not None
    assert not MirrorRun.objects.filter(kind="index", created_at__gt=run.created_at).exists()
