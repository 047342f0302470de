"""Every call of the OpenAPI document with values that fit it and values that do not, through all checks.

The values are the same in every run. Paths name real rows unless a wrong path is what is tried.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from apps.accounts.services import sign_in
from tests.architecture.rows import World, row_of
from tests.factories.accounts import PASSWORD
from tests.furniture.people import Actors

COPY: Final = Path(__file__).resolve().parents[1] / "openapi.yaml"
PLACE: Final = re.compile(r"([a-z-]+)/{(\w+)}")
EXAMPLES: Final = 6
# Values may fit the document and still be wrong for a rule over several rows or fields: 422. What an If-Match
# names is never the state (412), an organization or a key that is made up is malformed for its call (400), a
# body may be longer than the header beside it says (413), and six calls are more than some scopes take (429).
FITTING: Final = ["2xx", "304", "400", "401", "403", "404", "409", "412", "413", "422", "429"]
UNFIT: Final = ["400", "401", "403", "404", "406", "409", "412", "413", "415", "422"]

config = SchemathesisConfig.from_dict(
    {
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "mode": "all", "no-shrink": True},
        # The phase of border values takes a quarter of an hour: `st run` against `manage.py up` does it.
        "phases": {"coverage": {"enabled": False}, "examples": {"enabled": False}},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": FITTING},
            "negative_data_rejection": {"expected-statuses": UNFIT},
        },
    }
)


@schemathesis.serializer("application/offset+octet-stream")
def send_bytes(_context: Any, value: Any) -> Any:
    """Return the bytes of an upload as they are."""
    return getattr(value, "data", value)


document = schemathesis.openapi.from_path(COPY, config=config)
document.app = WSGIHandler()


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Keep the test's connection open over requests, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def world(actors: Actors) -> World:
    return World(actors)


@pytest.fixture
def bearer(actors: Actors) -> str:
    assert actors.admin.user is not None
    return sign_in(email=actors.admin.user.email, password=PASSWORD).access


def check_problem(_context: Any, response: Any, _case: Any) -> None:
    """Fail for an error in any other shape than a problem's, or one that tells of our inside."""
    if response.status_code < 400:
        return
    assert response.headers["content-type"] == ["application/problem+json"], response.headers
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["type"] == f"/problems/{problem['code']}"
    assert not re.search(r"Traceback|psycopg|SELECT |/site-packages/|\.py\b", response.text), response.text


def put_real_rows(case: Any, world: World) -> None:
    """Let the path of a case lead somewhere, unless it is the path that is wrong."""
    component = case.meta.components.get(ParameterLocation.PATH)
    if component is not None and component.mode is GenerationMode.NEGATIVE:
        return
    for segment, name in PLACE.findall(case.path):
        case.path_parameters[name] = str(row_of(world, world.actors.admin, segment, case.path))


# A stream has no end.
@document.exclude(path="/api/v1/live/events").parametrize()
@settings(suppress_health_check=list(HealthCheck))
def test_a_call_keeps_to_the_document(case: Any, world: World, bearer: str) -> None:
    """Proof 4."""
    with transaction.atomic():
        put_real_rows(case, world)
        headers = {"Authorization": f"Bearer {bearer}"}
        response = case.call(headers=headers)
        case.validate_response(response, additional_checks=[check_problem], headers=headers)
        transaction.set_rollback(True)
