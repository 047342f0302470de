"""The liveness answer."""

import pytest
from django.test import AsyncClient, Client


def test_livez_answers_without_a_database_and_under_any_host_name() -> None:
    # No database fixture: a query would fail this test.
    response = Client(headers={"host": "10.1.2.3"}).get("/livez")

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"


async def test_livez_answers_the_asgi_server_too() -> None:
    response = await AsyncClient().get("/livez")

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/livez/", "/livezz"])
def test_nothing_else_counts_as_livez(path: str) -> None:
    assert Client().get(path).status_code == 404
