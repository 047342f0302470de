"""The queues of jobs and what holds for each (platform.md section 13)."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Queue:
    """What holds for every job of one queue."""

    name: str
    message_expiry_s: int
    soft_limit_s: int
    hard_limit_s: int
    attempts: int
    priority: int


TRAINING: Final = "training"

# Valkey's smaller number is served first; the broker's transport knows four steps.
QUEUES: Final = {
    queue.name: queue
    for queue in (
        Queue("high_priority", 3_600, 60, 90, attempts=5, priority=0),
        Queue("default", 3_600, 600, 660, attempts=5, priority=3),
        Queue("notifications", 3_600, 60, 90, attempts=8, priority=3),
        Queue("low_priority", 86_400, 1_800, 1_860, attempts=3, priority=9),
        Queue(TRAINING, 7_200, 3_600, 3_660, attempts=2, priority=9),
    )
}
