"""StatHat's calls at their door: sending in every form, and what its clients read."""

import time
from typing import Any

import httpx
from django.test import override_settings

from apps.metrics.models import Metric
from tests.furniture.people import Actors
from tests.metrics.sending.conftest import MakeKey
from tests.metrics.sending.test_native_door import in_thread, values_of
from tests.metrics.stored import stored_points

OK = {"status": 200, "msg": "ok"}


def keys_and_values(actors: Actors) -> list[tuple[str, float]]:
    return [(key, value) for key, _at, value in stored_points(actors.organization.pk)]


async def test_a_stat_is_sent_by_form_query_and_json(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    answers = [
        await doors.post("/stathat/ez", data={"ezkey": key, "stat": "page views", "count": "2"}),
        await doors.get(f"/stathat/ez?email={key}&stat=load&value=1.5e0"),
        await doors.post(
            "/stathat/ez/",
            json={"ezkey": key, "data": [{"stat": "page views"}, {"stat": "load", "value": 2}]},
        ),
    ]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, OK)] * 3
    found = await in_thread(keys_and_values, committed)
    assert sorted(found) == [("load", 1.5), ("load", 2.0), ("page views", 1.0), ("page views", 2.0)]
    types = await in_thread(lambda: dict(Metric.objects.values_list("key", "type")))
    assert types == {"page views": "counter", "load": "value"}


async def test_one_stat_may_stand_for_several(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    await doors.post("/stathat/ez", data={"ezkey": key, "stat": "load~a,b", "value": "3"})
    assert await in_thread(keys_and_values, committed) == [("load a", 3.0), ("load b", 3.0)]


async def test_the_classic_calls_name_a_metric_by_its_id(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    await doors.post("/stathat/ez", data={"ezkey": key, "stat": "load", "value": "1"})
    metric = await in_thread(Metric.objects.get)
    answer = await doors.post("/stathat/v", data={"ukey": key, "key": str(metric.pk), "value": "4"})
    assert answer.json() == OK
    wrong_type = await doors.post("/stathat/c", data={"ukey": key, "key": str(metric.pk), "count": "4"})
    assert (wrong_type.status_code, wrong_type.json()["status"]) == (409, 409)
    unknown = await doors.post("/stathat/v", data={"ukey": key, "key": "nothing", "value": "4"})
    assert unknown.status_code == 400
    assert await in_thread(values_of, committed) == [1.0, 4.0]


async def test_good_items_of_a_list_are_stored(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    items: list[Any] = [{"stat": "a", "count": 1}, {"stat": "b", "value": "x"}, {"count": 1}]
    answer = await doors.post("/stathat/ez", json={"ezkey": key, "data": items})
    assert answer.status_code == 200
    assert [error["index"] for error in answer.json()["errors"]] == [1, 2]
    none_good = await doors.post("/stathat/ez", json={"ezkey": key, "data": items[1:]})
    assert none_good.status_code == 400
    assert await in_thread(keys_and_values, committed) == [("a", 1.0)]


async def test_faults_have_stathats_shape(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    nobody = await doors.post("/stathat/ez", data={"stat": "a", "count": "1"})
    assert (nobody.status_code, nobody.json()["status"]) == (401, 401)
    cut_off = await doors.post("/stathat/ez", data={"ezkey": key, "stat": "a", "count": ""})
    assert cut_off.status_code == 400
    assert "cut off" in cut_off.json()["msg"]
    old = await doors.post("/stathat/ez", data={"ezkey": key, "stat": "a", "count": "1", "t": "5"})
    assert old.status_code == 400
    assert (await doors.get(f"/stathat/nothing?ezkey={key}")).json()["status"] == 404
    assert await in_thread(values_of, committed) == []


async def test_stats_and_their_data_are_read(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(lambda: make_key("metrics:ingest", "metrics:read"))
    hour = int(time.time()) // 3_600 * 3_600
    for at in (hour - 7_200, hour - 7_100):
        await doors.post("/stathat/ez", data={"ezkey": key, "stat": "hits", "count": "3", "t": str(at)})
    metric = await in_thread(Metric.objects.get)
    listed = {"id": str(metric.pk), "name": "hits", "public": False, "counter": True}
    assert (await doors.get(f"/stathat/x/{key}/statlist")).json() == [listed]
    assert (await doors.get(f"/stathat/x/{key}/statlist?offset=1")).json() == []
    assert (await doors.get(f"/stathat/x/{key}/stat?name=hits")).json() == listed
    assert (await doors.get(f"/stathat/x/{key}/stats/{metric.pk}")).json() == listed
    data = await doors.get(f"/stathat/x/{key}/data/{metric.pk}?t=3h1h&start={hour - 10_800}")
    (dataset,) = data.json()
    assert (dataset["name"], dataset["timeframe"]) == ("hits", "3h1h")
    assert [(point["time"], point["value"]) for point in dataset["points"]] == [
        (hour - 10_800, 0),
        (hour - 7_200, 6),
        (hour - 3_600, 0),
    ]


async def test_only_who_may_view_reads(doors: httpx.AsyncClient, make_key: MakeKey) -> None:
    key = await in_thread(make_key)
    assert (await doors.get(f"/stathat/x/{key}/statlist")).status_code == 403


async def test_a_host_of_its_own_is_the_door(
    doors: httpx.AsyncClient, committed: Actors, make_key: MakeKey
) -> None:
    key = await in_thread(make_key)
    with override_settings(METRICS_STATHAT_HOSTS=["api.stathat.com"]):
        answer = await doors.post(
            "/ez", data={"ezkey": key, "stat": "a", "count": "1"}, headers={"Host": "api.stathat.com"}
        )
        elsewhere = await doors.post("/ez", data={"ezkey": key, "stat": "a", "count": "1"})
    assert (answer.status_code, elsewhere.status_code) == (200, 418)
    assert await in_thread(values_of, committed) == [1.0]
