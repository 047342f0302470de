"""The arithmetic of rate limits: the generic cell rate algorithm with a burst of the whole quota. Pure.

Of each bucket one number is kept: when it will be full again. `used_us` is how far off that is, 0 for a full
bucket; each unit takes `window / quota` of it. Times are in microseconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SECOND_US: Final = 1_000_000
# Of a unit: what rounding may lose.
TOLERANCE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Bucket:
    """One quota of one subject, and what is to be taken from it."""

    policy: str
    key: str
    quota: int
    window_s: int
    cost: int = 1
    is_guarded: bool = False

    @property
    def window_us(self) -> int:
        """Return the window."""
        return self.window_s * SECOND_US

    @property
    def step_us(self) -> float:
        """Return how long one unit takes to come back."""
        return self.window_us / self.quota


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a request, in the words of its tightest bucket.

    `remaining` is None while nobody counts. `next_s` is when there will be one more, `wait_s` when the same
    request will pass, 0 if it did.
    """

    policy: str
    quota: int
    window_s: int
    remaining: int | None = None
    next_s: int = 1
    wait_s: int = 0

    def is_tighter_than(self, other: "Decision") -> bool:
        """Tell whether this one is closer to refusing; where nobody counts, nothing is tight."""
        return self.tightness < other.tightness

    @property
    def tightness(self) -> tuple[int, float]:
        """Return what orders decisions: the longest wait first, then the least left."""
        return -self.wait_s, math.inf if self.remaining is None else self.remaining

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that tell the caller; draft-ietf-httpapi-ratelimit-headers-10."""
        policy = {"RateLimit-Policy": f'"{self.policy}";q={self.quota};w={self.window_s}'}
        if self.remaining is None:
            return policy
        return policy | {"RateLimit": f'"{self.policy}";r={self.remaining};t={self.next_s}'}


def fits(bucket: Bucket, used_us: float) -> bool:
    """Tell whether a bucket has enough left."""
    return used_us + bucket.cost * bucket.step_us <= bucket.window_us + TOLERANCE * bucket.step_us


def decide(buckets: Sequence[Bucket], used_us: Sequence[float], *, has_passed: bool) -> Decision:
    """Return the decision in the words of the tightest bucket: the longest wait, else the least left."""
    judged = [_judge(bucket, used, has_passed) for bucket, used in zip(buckets, used_us, strict=True)]
    return min(judged, key=lambda each: each.tightness)


def _judge(bucket: Bucket, used_before_us: float, has_passed: bool) -> Decision:
    step_us = bucket.step_us
    wait_us = 0.0
    if not fits(bucket, used_before_us):
        wait_us = used_before_us + bucket.cost * step_us - bucket.window_us
    free_us = bucket.window_us - used_before_us - (bucket.cost * step_us if has_passed else 0)
    remaining = max(0, math.floor(free_us / step_us + TOLERANCE))
    return Decision(
        policy=bucket.policy,
        quota=bucket.quota,
        window_s=bucket.window_s,
        remaining=remaining,
        next_s=max(1, math.ceil(((remaining + 1) * step_us - free_us) / SECOND_US)),
        wait_s=max(1, math.ceil(wait_us / SECOND_US)) if wait_us else 0,
    )
