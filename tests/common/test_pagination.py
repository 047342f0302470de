"""Lists: pages by cursor, sort, count, filters, search and projection, tried on the list of API keys."""

import datetime as dt
from itertools import chain
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import keys
from apps.accounts.models import ApiKey, Role
from tests.furniture.people import Actors

KEYS = "/api/v1/api-keys"
NOW = timezone.now()


def make_key(actors: Actors, name: str, **fields: Any) -> ApiKey:
    prefix = "".join(keys._random(8))
    fixed = {"role": Role.VIEWER, "hash": b"x" * 32, "pepper_id": "p", "scopes": ["datasets:read"]}
    return ApiKey.objects.create(
        organization=actors.organization, name=name, prefix=prefix, **(fixed | fields)
    )


@pytest.fixture
def api(actors: Actors) -> APIClient:
    return actors.admin.api


def names(page: Any) -> list[str]:
    return [row["name"] for row in page["results"]]


def get(api: APIClient, url: str = KEYS, **query: Any) -> Any:
    answer = api.get(url, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def problem(api: APIClient, query: str) -> tuple[int, str, list[dict[str, str]]]:
    answer = api.get(f"{KEYS}?{query}")
    body = answer.json()
    return answer.status_code, body["code"], body["errors"]


def walk(api: APIClient, direction: str, page: Any) -> list[list[str]]:
    pages = [names(page)]
    while page[direction]:
        page = get(api, page[direction])
        pages.append(names(page))
    return pages


@pytest.mark.parametrize("sort", ["name", "-name", "role,-name", "last_used_at", "-last_used_at,name"])
def test_pages_follow_each_other_without_gap_in_both_directions(
    actors: Actors, api: APIClient, sort: str
) -> None:
    sortable = sort.replace("role,", "created_at,")
    for number in range(7):
        used = NOW - dt.timedelta(days=number // 2) if number % 3 else None
        make_key(actors, f"k{number}", last_used_at=used)

    whole = names(get(api, sort=sortable))
    first = get(api, sort=sortable, page_size=3)
    forward = walk(api, "next", first)
    assert [len(page) for page in forward] == [3, 3, 1]
    assert [*chain(*forward)] == whole
    last = get(api, first["next"])
    last = get(api, last["next"])
    backward = walk(api, "previous", last)
    assert [*chain(*reversed(backward))] == whole
    assert first["previous"] is None


def test_rows_that_come_and_go_while_paging_shift_nothing(actors: Actors, api: APIClient) -> None:
    rows = [make_key(actors, f"k{number}") for number in range(6)]
    page = get(api, sort="name", page_size=2)
    assert names(page) == ["k0", "k1"]
    rows[0].delete()
    rows[1].delete()
    make_key(actors, "a new first")
    make_key(actors, "k1a")

    page = get(api, page["next"])
    assert names(page) == ["k1a", "k2"]
    rows[3].delete()
    page = get(api, page["next"])
    assert names(page) == ["k4", "k5"]
    assert page["next"] is None
    assert names(get(api, page["previous"])) == ["k1a", "k2"]


def test_equal_sort_values_are_split_by_id(actors: Actors, api: APIClient) -> None:
    ids = {str(make_key(actors, "same").pk) for _ in range(5)}
    page = get(api, sort="name", page_size=2)
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        page = get(api, page["next"])
        seen += [row["id"] for row in page["results"]]

    assert len(seen) == 5
    assert set(seen) == ids


def test_a_cursor_is_bound_to_sort_filters_organization_and_key(actors: Actors, api: APIClient) -> None:
    for number in range(3):
        make_key(actors, f"k{number}")
    cursor = parse_qs(urlsplit(get(api, sort="name", page_size=1)["next"]).query)["cursor"][0]

    assert names(get(api, sort="name", page_size=2, cursor=cursor)) == ["k1", "k2"]
    for query in (
        {"sort": "-name"},
        {"sort": "name", "role": "viewer"},
        {"sort": "name", "search": "k"},
        {"sort": "name", "cursor": f"{cursor}x"},
        {"sort": "name", "cursor": "garbage"},
    ):
        answer = api.get(KEYS, {"cursor": cursor} | query)
        assert (answer.status_code, answer.json()["code"]) == (400, "request.cursor_invalid"), query
    foreign = actors.stranger.api.get(KEYS, {"sort": "name", "cursor": cursor})
    assert foreign.json()["code"] == "request.cursor_invalid"


def test_a_count_comes_on_demand(actors: Actors, api: APIClient) -> None:
    for number in range(3):
        make_key(actors, f"k{number}", role=Role.ADMIN if number else Role.VIEWER)

    assert "count" not in get(api)
    counted = get(api, count="true", page_size=1, role="admin")
    assert (counted["count"], counted["count_capped"]) == (2, False)


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("page_size=0", "page_size", "invalid"),
        ("page_size=201", "page_size", "invalid"),
        ("page_size=%C2%B2", "page_size", "invalid"),
        ("page_size=", "page_size", "invalid"),
        ("count=yes", "count", "invalid"),
        ("sort=prefix", "sort", "sort_invalid"),
        ("sort=name,-name", "sort", "sort_invalid"),
        ("sort=name,", "sort", "sort_invalid"),
        ("sort=--name", "sort", "sort_invalid"),
        ("role=owner", "role", "invalid_choice"),
        ("created_at__gte=2026-01-01T00:00:00", "created_at__gte", "invalid"),
        ("created_at__gte=yesterday", "created_at__gte", "invalid"),
        ("created_at__gte=2026-13-01T00:00:00Z", "created_at__gte", "invalid"),
        (f"search={'x' * 201}", "search", "max_length"),
        ("fields=name,secret", "fields", "unknown_field"),
        ("fields=created_by.password", "fields", "unknown_field"),
        ("created_at__gte=", "created_at__gte", "blank"),
        ("role=&role=viewer", "role", "blank"),
        ("sort=", "sort", "sort_invalid"),
        ("colour=red", "colour", "unknown_parameter"),
        ("name__contains=k", "name__contains", "unknown_parameter"),
    ],
)
def test_a_wrong_parameter_is_named(api: APIClient, query: str, parameter: str, code: str) -> None:
    status, problem_code, items = problem(api, query)

    assert (status, problem_code) == (422, "request.invalid")
    assert [(item["parameter"], item["code"]) for item in items] == [(parameter, code)]


@pytest.mark.parametrize("text", ["%00", "%ff", "%ed%a0%80"])
def test_a_nul_or_broken_utf8_in_the_query_is_malformed(api: APIClient, text: str) -> None:
    assert problem(api, f"search={text}")[:2] == (400, "request.malformed")


def test_a_bound_may_have_any_offset_that_a_time_can(actors: Actors, api: APIClient) -> None:
    make_key(actors, "Alpha")
    for bound in ("2000-01-01T00:00:00%2B23:59", "2000-01-01T00:00:00-23:59"):
        assert names(get(api, f"{KEYS}?created_at__gte={bound}")) == ["Alpha"]
    assert problem(api, "created_at__gte=0001-01-01T00:00:00%2B20:00")[0] == 422


@pytest.mark.parametrize("query", ["search=", "cursor=", "fields="])
def test_a_text_that_is_empty_narrows_nothing(actors: Actors, api: APIClient, query: str) -> None:
    make_key(actors, "Alpha")
    assert names(get(api, f"{KEYS}?{query}")) == ["Alpha"]


def test_an_address_takes_more_values_than_a_form(actors: Actors, api: APIClient) -> None:
    make_key(actors, "Alpha", role=Role.VIEWER)
    query = "&".join(["role=viewer"] * 300)
    assert names(get(api, f"{KEYS}?{query}")) == ["Alpha"]


def test_filters_and_search_narrow_the_list(actors: Actors, api: APIClient) -> None:
    make_key(actors, "Alpha", role=Role.VIEWER)
    make_key(actors, "beta", role=Role.ANALYST)
    make_key(actors, "gamma", role=Role.ADMIN)

    assert names(get(api, sort="name", role=["viewer", "admin"])) == ["Alpha", "gamma"]
    assert names(get(api, sort="name", search="ALPH")) == ["Alpha"]
    assert names(get(api, created_at__gt="2099-01-01T00:00:00Z")) == []
    assert len(names(get(api, created_at__lte="2099-01-01T01:00:00+01:00"))) == 3
    # A plus sign that nobody encoded arrives as a blank.
    assert len(get(api, f"{KEYS}?created_at__lt=2099-01-01T01:00:00+01:00")["results"]) == 3


def test_fields_reduce_the_answer(actors: Actors, api: APIClient) -> None:
    make_key(actors, "one", created_by=actors.admin.user)

    [row] = get(api, fields="name,created_by.email")["results"]
    assert actors.admin.user is not None
    assert row == {"name": "one", "created_by": {"email": actors.admin.user.email}}
