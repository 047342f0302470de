"""Kept answers: epochs, tags, one builder, and no Valkey at all."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from apps.common.answers import Answer, AnswerStore
from apps.common.metrics import read_counter
from apps.datasets.models import Dataset
from tests.factories.datasets import EventRow, publish, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
PLACE = (51.5, -0.1)


def month(number: int) -> datetime:
    return datetime(2023, number, 1, tzinfo=UTC)


def ask(actors: Actors, dataset: Dataset, **parameters: Any) -> Any:
    headers = {"HTTP_IF_NONE_MATCH": parameters.pop("tag")} if "tag" in parameters else {}
    query: dict[str, Any] = {"dataset": str(dataset.pk), "resolution": 7, **parameters}
    return actors.viewer.api.get("/api/v1/hexes", query, **headers)


def test_an_answer_has_a_strong_tag_and_is_not_sent_twice(actors: Actors, valkey: redis.Redis) -> None:
    dataset = published_dataset([EventRow(*PLACE)], organization=actors.organization)
    first = ask(actors, dataset)
    assert first["ETag"].startswith('"')
    assert ask(actors, dataset)["ETag"] == first["ETag"]
    again = ask(actors, dataset, tag=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert ask(actors, dataset, tag='"other"').status_code == 200


def test_swapping_a_month_leaves_the_answers_of_other_months(actors: Actors, valkey: redis.Redis) -> None:
    dataset = published_dataset([], organization=actors.organization)
    version = publish(dataset, [[EventRow(*PLACE, month(3))], [EventRow(*PLACE, month(6))]])
    june = {"from": "2023-06-01", "to": "2023-06-30"}
    march = {"from": "2023-03-01", "to": "2023-03-31"}
    before, before_march = ask(actors, dataset, **june), ask(actors, dataset, **march)
    kept = [segment for segment in version.segments.all() if segment.first_at == month(6)]
    publish(dataset, [[EventRow(*PLACE, month(3))] * 2], keep=kept, changed=(month(3), month(4)))
    after = ask(actors, dataset, tag=before["ETag"], **june)
    assert (after.status_code, after["Sextant-Version"]) == (304, "3")
    fresh = ask(actors, dataset, **june)
    assert fresh.json()["datasets"][0]["version"] == 2
    assert fresh["Sextant-Version"] == "3"
    after_march = ask(actors, dataset, tag=before_march["ETag"], **march)
    assert after_march.status_code == 200
    assert after_march.json()["events"] == 2
    assert after_march.json()["datasets"][0]["version"] == 3


@pytest.mark.parametrize(
    ("window", "version"),
    [
        ({"from": "2023-06-01"}, 2),
        ({"to": "2023-02-28"}, 2),
        ({"from": "2023-02-01"}, 3),
        ({"to": "2023-03-31"}, 3),
        ({"from": "2023-04-01", "to": "2023-05-31"}, 2),
        ({}, 3),
    ],
)
def test_open_windows_know_too_what_a_version_changed(
    actors: Actors, window: dict[str, str], version: int
) -> None:
    dataset = published_dataset([], organization=actors.organization)
    before = publish(dataset, [[EventRow(*PLACE, month(3))], [EventRow(*PLACE, month(6))]])
    kept = [segment for segment in before.segments.all() if segment.first_at == month(6)]
    publish(dataset, [[EventRow(*PLACE, month(3))] * 2], keep=kept, changed=(month(3), month(4)))

    assert ask(actors, dataset, **window).json()["datasets"][0]["version"] == version


def test_a_published_version_is_seen_at_once(actors: Actors, valkey: redis.Redis) -> None:
    dataset = published_dataset([EventRow(*PLACE)], organization=actors.organization)
    assert ask(actors, dataset).json()["events"] == 1
    publish(dataset, [[EventRow(*PLACE)] * 3])
    assert ask(actors, dataset).json()["events"] == 3
    assert ask(actors, dataset, version=1).json()["events"] == 1


def test_a_kept_answer_reads_no_event(
    actors: Actors, valkey: redis.Redis, django_assert_num_queries: Any
) -> None:
    dataset = published_dataset([EventRow(*PLACE)], organization=actors.organization)
    first = ask(actors, dataset)
    (key,) = valkey.keys("*:spatial:hexes:*")
    assert f":{dataset.no}.{dataset.rules_no}.1:".encode() in key
    assert 500 <= valkey.ttl(key) <= 660
    store = valkey.get(key)
    assert isinstance(store, bytes)
    assert first.content in store
    assert ask(actors, dataset).content == first.content


def test_equal_questions_at_once_have_one_builder(valkey: redis.Redis, settings: Any) -> None:
    built: list[int] = []
    answers: list[Answer] = []
    store = AnswerStore(settings.CACHE_URL)

    def build() -> Answer:
        built.append(1)
        time.sleep(0.3)
        return Answer.json({"n": len(built)})

    threads = [
        threading.Thread(target=lambda: answers.append(store.get_or_build("key", build, ttl_s=600)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert {answer.body for answer in answers} == {b'{"n":1}'}


def test_a_builder_that_fails_lets_the_next_one_build(valkey: redis.Redis, settings: Any) -> None:
    store = AnswerStore(settings.CACHE_URL)

    def fail() -> Answer:
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        store.get_or_build("key", fail, ttl_s=600)
    started = time.monotonic()
    assert store.get_or_build("key", lambda: Answer.json(1), ttl_s=600).body == b"1"
    # Who waits for a builder waits five seconds.
    assert time.monotonic() - started < 4


def test_a_large_answer_is_not_kept(valkey: redis.Redis, settings: Any) -> None:
    store = AnswerStore(settings.CACHE_URL)
    store.get_or_build("large", lambda: Answer.of(bytes(1024 * 1024 + 1), "application/json"), ttl_s=600)
    assert valkey.keys("large*") == []


def test_without_valkey_answers_are_built(actors: Actors, settings: Any) -> None:
    settings.CACHE_URL = "redis://127.0.0.1:1/0"
    dataset = published_dataset([EventRow(*PLACE)], organization=actors.organization)
    started = time.monotonic()
    for _ in range(3):
        assert ask(actors, dataset).json()["events"] == 1
    # To wait for a builder each time would take fifteen seconds.
    assert time.monotonic() - started < 10


def test_swapping_one_month_leaves_the_tiles_of_others_kept(actors: Actors, valkey: redis.Redis) -> None:
    dataset = published_dataset(
        [EventRow(*PLACE, month(number)) for number in (3, 6)], organization=actors.organization, segments=2
    )
    query = {"dataset": str(dataset.pk), "from": "2023-06-01", "to": "2023-06-30"}

    def tile(**headers: str) -> Any:
        return actors.viewer.api.get("/api/v1/tiles/0/0/0.mvt", query, headers=headers)

    def hits() -> float:
        wanted = {"app": "spatial", "outcome": "hit"}
        return sum(value for labels, value in read_counter("sextant_cache") if labels == wanted)

    version = dataset.current_version
    assert version is not None
    publish(dataset, [], keep=list(version.segments.all()), changed=(month(6), month(7)))
    before, known = tile(), hits()
    version = Dataset.objects.get().current_version
    assert version is not None
    kept = [segment for segment in version.segments.all() if segment.first_at == month(6)]
    publish(dataset, [[EventRow(*PLACE, month(3))] * 9], keep=kept, changed=(month(3), month(4)))
    after = tile(**{"If-None-Match": before["ETag"]})
    assert (after.status_code, after["Sextant-Version"]) == (304, "3")
    assert tile().content == before.content
    assert hits() - known == 2
