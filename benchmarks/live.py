"""Live events: deliveries per second, latency and memory, beside Channels' layer and nginx with nchan.

One publishing process, one server process, loopback. The publisher's threads keep a fixed number of messages
on their way, so that the server sets the pace; clients only count. Promised in performance.md, section 3.
"""

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.live_candidates import LAYER, NCHAN, SEXTANT, Candidate, candidates
from benchmarks.live_receiver import Receiver
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage

TITLE = "Live events"
SUBSCRIBERS = 1_000
MANY_TOPICS = 100
SUBSCRIBERS_OF_EACH = 20
# Deliveries that may be on their way: below what a client's queue holds, enough to keep everybody busy.
ON_THEIR_WAY = 40_000
WARM_UP_S = 0.5
STALLED_S = 20.0
# Each waits for an answer per message; on a busy machine that is mostly waiting for the processor.
PUBLISHERS = 6
CALM_PER_S = 20


@dataclass
class Measured:
    """What was seen of one candidate, one value per round."""

    deliveries: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    memory_kb: list[float] = field(default_factory=list)


@dataclass
class Scene:
    """A candidate with its connected clients."""

    candidate: Candidate
    receiver: Receiver
    topics: int
    fan_out: int
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def publish(self, at_ns: int = 0) -> None:
        """Send the next message, to each topic in turn; from any thread."""
        number = next(self.numbers)
        self.candidate.publish(number % self.topics, number, at_ns)


def run(stage: Stage) -> list[Row]:
    """Measure both scenes."""
    found = candidates(stage)
    scale = 10 if stage.quick else 1
    one = measure(stage, found, topics=1, fan_out=SUBSCRIBERS // scale)
    many = measure(stage, found, topics=MANY_TOPICS // scale, fan_out=SUBSCRIBERS_OF_EACH)
    return [
        *rows("1,000 subscribers of one topic", one, [Goal(LAYER, 8), Goal(NCHAN, 0.35)]),
        *rows("100 topics of 20", many, [Goal(LAYER, 8), Goal(NCHAN, 0.35)]),
    ]


def rows(scene: str, measured: dict[str, Measured], promised: Sequence[Goal]) -> list[Row]:
    """Return the table's lines of one scene."""

    def row(what: str, unit: str, field_: str, goals: Sequence[Goal]) -> Row:
        samples = {name: getattr(seen, field_) for name, seen in measured.items()}
        ours = samples.pop(SEXTANT)
        return Row(f"{scene}: {what}", unit, ours, samples, [g for g in goals if g.peer in {None, *samples}])

    return [
        row("deliveries", "per s", "deliveries", promised),
        row("CPU of the server", "us per delivery", "cpu_us", ()),
        row("until the last has it, p95 at 20 messages/s", "ms", "latency_ms", [Goal(at_most=50)]),
        row("memory per connection", "kB", "memory_kb", [Goal(at_most=35)]),
    ]


def measure(stage: Stage, found: Sequence[Candidate], *, topics: int, fan_out: int) -> dict[str, Measured]:
    """Measure all candidates in turn, A B C A B C, on clients that stay connected."""
    measured = {candidate.name: Measured() for candidate in found}
    with ExitStack() as stack:
        scenes = []
        for candidate in found:
            stage.say(f"{candidate.name}: connecting {topics * fan_out} clients to {topics} topics")
            before = candidate.server.memory_bytes()
            scene = stack.enter_context(connected(candidate, topics, fan_out))
            held = (candidate.server.memory_bytes() - before) / (topics * fan_out)
            measured[candidate.name].memory_kb.append(held / 1000)
            scenes.append(scene)
        for _ in range(stage.rounds):
            for scene in scenes:
                one_round(stage, scene, measured[scene.candidate.name])
    return measured


@contextmanager
def connected(candidate: Candidate, topics: int, fan_out: int) -> Iterator[Scene]:
    """Connect the clients, and let them go at the end."""
    receiver = Receiver([candidate.target(number) for number in range(topics) for _ in range(fan_out)])
    try:
        yield Scene(candidate, receiver, topics, fan_out)
    finally:
        receiver.close()


def one_round(stage: Stage, scene: Scene, measured: Measured) -> None:
    """Measure the pace and then, on the same connections, the calm."""
    seconds = 1.0 if stage.quick else 4.0
    calm_seconds = 1.0 if stage.quick else 2.0
    pace(scene, WARM_UP_S)
    deliveries, cpu_us = pace(scene, seconds)
    measured.deliveries.append(deliveries)
    measured.cpu_us.append(cpu_us)
    measured.latency_ms.append(calm(scene, calm_seconds))
    stage.say(
        f"{scene.candidate.name}: {deliveries:,.0f} deliveries/s, {cpu_us:.1f} us each; "
        f"p95 {measured.latency_ms[-1]:.1f} ms"
    )


def pace(scene: Scene, seconds: float) -> tuple[float, float]:
    """Publish as fast as everything is delivered; return deliveries per second and CPU per delivery."""
    receiver, server = scene.receiver, scene.candidate.server
    first, cpu_s, started = receiver.delivered, server.cpu_s(), time.monotonic()
    with ThreadPoolExecutor(PUBLISHERS) as threads:
        sent = sum(threads.map(lambda _: publish_until(scene, first, started + seconds), range(PUBLISHERS)))
    count = sent * scene.fan_out
    wait_for(receiver, first + count, scene.candidate.name)
    took_s = time.monotonic() - started
    return count / took_s, (server.cpu_s() - cpu_s) / count * 1e6


def publish_until(scene: Scene, first: int, end_s: float) -> int:
    """Publish in one thread of several, waiting while its share is on its way; return how many."""
    sent = 0
    share = ON_THEIR_WAY / PUBLISHERS / scene.fan_out
    while time.monotonic() < end_s:
        arrived = (scene.receiver.delivered - first) / scene.fan_out / PUBLISHERS
        if sent - arrived > share:
            time.sleep(0.0005)
        else:
            scene.publish()
            sent += 1
    return sent


def wait_for(receiver: Receiver, count: int, name: str) -> None:
    """Wait until everything has arrived, however late: a delivery that is lost is no speed."""
    seen, seen_at_s = receiver.delivered, time.monotonic()
    while seen < count:
        if time.monotonic() - seen_at_s > STALLED_S:
            raise RuntimeError(f"{name} lost {count - seen} deliveries")
        time.sleep(0.001)
        if receiver.delivered > seen:
            seen, seen_at_s = receiver.delivered, time.monotonic()


def calm(scene: Scene, seconds: float) -> float:
    """Publish 20 messages a second; return the 95th percentile of when the last client had each, in ms."""
    first = scene.receiver.delivered
    with scene.receiver.stamped() as latencies:
        for _ in range(int(seconds * CALM_PER_S)):
            scene.publish(time.monotonic_ns())
            time.sleep(1 / CALM_PER_S)
        wait_for(scene.receiver, first + int(seconds * CALM_PER_S) * scene.fan_out, scene.candidate.name)
    slowest = [max(each) for each in latencies.values()]
    return statistics.quantiles(slowest, n=20)[-1]
