"""Every address is behind the sign-in, or listed as public in `routes.py`.

The table is read from the URL configuration: a new endpoint is covered without anyone remembering. Who of
those who are signed in may what is tried by `test_matrix.py`.
"""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tests.architecture.routes import PUBLIC, Address, addresses
from tests.architecture.rows import World

PRIVATE = [address for address in addresses() if not address.is_public]
CALLS = [(address, method) for address in PRIVATE for method in address.methods]


def name_call(value: Any) -> str:
    return value.route if isinstance(value, Address) else str(value)


@pytest.mark.parametrize(("address", "method"), CALLS, ids=name_call)
def test_nobody_gets_in_without_signing_in(db: None, address: Address, method: str) -> None:
    client: Client = APIClient() if address.is_api else Client()
    response = getattr(client, method)(address.path)
    if address.is_api:
        assert response.status_code == 401
        assert response.json()["code"] == "auth.required"
    else:
        assert response.status_code in {302, 405}
        if response.status_code == 302:
            assert "login" in response["Location"]


@pytest.mark.parametrize(
    ("address", "method"), [(a, m) for a, m in CALLS if a.is_api and "<" in a.route], ids=name_call
)
@pytest.mark.parametrize("name", ["admin", "key"])
def test_what_is_not_there_is_404_or_refused_and_never_an_error(
    world: World, address: Address, method: str, name: str
) -> None:
    response = getattr(world.actors[name].api, method)(address.path, format="json")
    # 422: an empty body is refused before anything is looked up.
    assert response.status_code in {403, 404, 422}


def test_each_public_prefix_is_in_use() -> None:
    routes = [address.route for address in addresses()]
    unused = [prefix for prefix in PUBLIC if not any(route.startswith(prefix) for route in routes)]
    assert not unused


def test_addresses_of_the_api_have_no_trailing_slash() -> None:
    wrong = [a.route for a in PRIVATE if a.is_api and a.route.endswith("/")]
    assert not wrong
