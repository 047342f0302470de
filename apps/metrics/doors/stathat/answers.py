"""What StatHat's clients expect to be answered: always a body, for many hang on 204."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from apps.common.errors import DomainError
from apps.common.problems import problem_headers, status_of
from apps.metrics.errors import TypeConflict
from apps.metrics.points.batch import Refusal

MEDIA_TYPE: Final = "application/json"
# As many as our own API lists.
ERRORS_MAX: Final = 200


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", MEDIA_TYPE),)


@dataclass(frozen=True, slots=True)
class ListedStat:
    """A metric in `statlist` and `stat`."""

    id: str
    name: str
    counter: bool
    public: bool = False


@dataclass(frozen=True, slots=True)
class StatPoint:
    """One bucket of a dataset: its start in Unix seconds, and its value."""

    time: int
    value: float


@dataclass(frozen=True, slots=True)
class Dataset:
    """The buckets of one metric in `data`."""

    name: str
    timeframe: str
    points: Sequence[StatPoint]


def sent(accepted: int, refusals: Sequence[Refusal], *, is_list: bool) -> Answer:
    """Return the answer to a sending call: 200 if anything was stored, with the faults of a list's others."""
    if accepted and not refusals:
        return _json(HTTPStatus.OK, {"status": 200, "msg": "ok"})
    errors = [{"index": refusal.item, "msg": refusal.detail} for refusal in refusals[:ERRORS_MAX]]
    if accepted:
        return _json(HTTPStatus.OK, {"status": 200, "msg": "ok", "errors": errors})
    is_conflict = not is_list and any(refusal.code == TypeConflict.code for refusal in refusals)
    status = HTTPStatus.CONFLICT if is_conflict else HTTPStatus.BAD_REQUEST
    message = refusals[0].detail if refusals else "There is nothing to store."
    return _refusal(status, message, {"errors": errors} if is_list else {})


def refused(error: DomainError) -> Answer:
    """Return an error in StatHat's shape; what is invalid is 400 here."""
    status = status_of(error)
    if status is HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    answer = _refusal(status, error.explain().replace("\n", " "), {})
    return answer._replace(headers=answer.headers + tuple(problem_headers(error).items()))


def stat_list(stats: Sequence[ListedStat]) -> Answer:
    """Return the answer to `statlist`."""
    return _json(HTTPStatus.OK, [asdict(stat) for stat in stats])


def stat(found: ListedStat) -> Answer:
    """Return the answer to `stat`."""
    return _json(HTTPStatus.OK, asdict(found))


def datasets(found: Sequence[Dataset]) -> Answer:
    """Return the answer to `data`."""
    return _json(HTTPStatus.OK, [asdict(dataset) for dataset in found])


def _refusal(status: int, message: str, more: dict[str, Any]) -> Answer:
    return _json(status, {"status": int(status), "msg": message} | more)


def _json(status: int, body: Any) -> Answer:
    return Answer(int(status), json.dumps(body, ensure_ascii=False).encode())
