"""Lists of signals over the API, as tests ask for them."""

from typing import Any
from urllib.parse import urlencode

from tests.furniture.people import Person

SIGNALS = "/api/v1/signals"


def ask(person: Person, path: str = "", **filters: Any) -> Any:
    """Call an address of signals; a list stands for a repeated parameter."""
    return person.api.get(f"{SIGNALS}{path}?{urlencode(filters, doseq=True)}")


def get(person: Person, path: str = "", **filters: Any) -> Any:
    """Return what an address answers, which must be good."""
    answer = ask(person, path, **filters)
    assert answer.status_code == 200, answer.content
    return answer.json()


def column(person: Person, name: str, **filters: Any) -> list[Any]:
    """Return one field of the signals of a page, in their order."""
    return [row[name] for row in get(person, **filters)["results"]]


def facilities(person: Person, **filters: Any) -> list[str]:
    """Return the facilities of a page's signals by name: what tests tell signals apart by."""
    return sorted(column(person, "facility_id", **filters))
