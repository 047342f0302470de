"""The holder of a token, and of a wrong one, at every call of previews.

The other actors are tried at every call by tests/architecture/test_matrix.py.
"""

from collections.abc import Iterator

from django.test import Client
from pytest_django.fixtures import Settings

from apps.common.quotas import merged
from tests.architecture.routes import Address, addresses
from tests.furniture.people import Actors
from tests.previews.stories import DEVICE, create, visit

WRONG = "sxp_" + "a" * 32
UNLIMITED = {"preview_resolve": "10000", "preview_failed": "10000", "api": "100000", "auth_failed": "100000"}


def calls() -> Iterator[tuple[Address, str]]:
    for address in addresses():
        if address.route.startswith("api/v1/preview/") and hasattr(address.view, "actions"):
            yield from ((address, method) for method in address.methods)


def test_a_token_opens_no_call_of_members(actors: Actors, settings: Settings) -> None:
    settings.RATE_LIMITS = merged(UNLIMITED)
    made = create(actors.analyst)
    private = [(address, method) for address, method in calls() if not address.is_public]
    assert len(private) > 10
    for address, method in private:
        # The session of the token itself, where one is named.
        path = address.path_to(lambda _: made["id"])
        answer = getattr(Client(), method)(path, headers={"Authorization": f"Preview {made['token']}"})
        assert answer.status_code == 401, path
    assert visit("resolve", made["token"]).json()["session_id"] == made["id"]


def test_a_wrong_token_opens_nothing_whoever_comes_with_it(actors: Actors, settings: Settings) -> None:
    settings.RATE_LIMITS = merged(UNLIMITED)
    create(actors.analyst)
    public = [(a, m) for a, m in calls() if a.is_public]
    assert {address.route for address, _ in public} >= {"api/v1/preview/resolve", "api/v1/preview/grants"}
    for address, method in public:
        path = address.path_to(lambda _: "sxg_" + "a" * 40)
        for person in (actors.admin, actors.analyst, actors.stranger, None):
            for token in (WRONG, ""):
                headers = {"Authorization": f"Preview {token}"} if token else {}
                client = person.browser if person else Client()
                answer = getattr(client, method)(
                    path, *([{"device_id": DEVICE}] if method == "post" else []), headers=headers,
                    content_type="application/json",
                )  # fmt: skip
                assert (answer.status_code, answer.json()["code"]) == (404, "previews.not_available"), path
