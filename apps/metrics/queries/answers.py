"""Finished answers: kept for five minutes under what they depend on."""

import hashlib
from dataclasses import dataclass
from typing import Final

from apps.common.answers import Answer, answer_key, cached_answer
from apps.common.etags import strong_etag
from apps.metrics.calendar.windows import MIN_US
from apps.metrics.queries.formats import ENCODERS, MEDIA_TYPES, Times
from apps.metrics.queries.gathering import numbers_by_shard, timed
from apps.metrics.queries.series import QueryPlan, run_plan
from apps.metrics.storage.freshness import window_state

KEPT_S: Final = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """A planned question in a format; its tag changes with what the answer depends on."""

    plan: QueryPlan
    form: str
    times: Times
    key: str

    @classmethod
    def of(cls, plan: QueryPlan, form: str, times: Times) -> "Asked":
        """Read what the answer depends on, before the work: a change meanwhile is never kept under it.

        One query. Raises QueryTimeout.
        """
        question = repr((plan.query, plan.metrics, plan.window, plan.interval, form, times))
        # Whether a metric had points before the window decides where its gaps begin.
        start = MIN_US if plan.query.gaps else plan.window.start
        with timed():
            state = window_state(list(numbers_by_shard(plan.metrics)), (start, plan.window.end))
        digest = hashlib.sha256(state.encode()).hexdigest()[:40]
        return cls(plan, form, times, answer_key("metrics", "query", [digest], question))

    @property
    def etag(self) -> str:
        """Return the answer's strong tag: equal keys have equal answers."""
        return strong_etag(self.key)

    def answer(self) -> Answer:
        """Return the kept answer, or compute and keep it; raises what `run_plan` raises.

        One whose window moves with the clock is not kept: nobody asks for the same instants again.
        """
        if self.plan.query.is_moving:
            return self._build()
        return cached_answer(self.key, self._build, ttl_s=KEPT_S)

    def _build(self) -> Answer:
        body = ENCODERS[self.form](run_plan(self.plan), self.times)
        return Answer(body, MEDIA_TYPES[self.form], self.etag, 0)
