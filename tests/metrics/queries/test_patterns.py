"""Patterns of metrics."""

import time

import pytest

from apps.metrics.models import Metric
from apps.metrics.queries.patterns import InvalidPattern, matching, parse_pattern
from tests.furniture.people import Actors
from tests.metrics.queries.stored import make_metric

pytestmark = pytest.mark.django_db

KEYS = (
    "cpu",
    "cpu.a",
    "cpu.b",
    "cpu.a.load",
    "cpu.ab.load",
    "cpu;host=web1",
    "cpu;host=web2;dc=eu",
    "cpu;dc=us",
    "cpu-x",
    "Cpu",
    "größe.ü",
    "a*b",
    "a+b.c",
    "odd;k=x%3By",
)


@pytest.fixture
def metrics(actors: Actors) -> None:
    """Give a metric for each of KEYS."""
    for key in KEYS:
        make_metric(actors.organization, key)


def found(actors: Actors, *patterns: str) -> set[str]:
    visible = Metric.objects.visible_to(actors.viewer.actor)
    return set(matching(visible, patterns).values_list("key", flat=True))


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("cpu", {"cpu"}),
        ("*", {"cpu", "cpu-x", "Cpu", "a*b"}),
        ("cpu.*", {"cpu.a", "cpu.b"}),
        ("cpu.**", {"cpu.a", "cpu.b", "cpu.a.load", "cpu.ab.load"}),
        ("**.load", {"cpu.a.load", "cpu.ab.load"}),
        ("cpu.?", {"cpu.a", "cpu.b"}),
        ("cpu?x", {"cpu-x"}),
        ("cpu.[b-z]", {"cpu.b"}),
        ("cpu.[!b-z]", {"cpu.a"}),
        ("cpu[+-/]a", set()),
        ("[cC]pu", {"cpu", "Cpu"}),
        ("cpu.{a,ab}.load", {"cpu.a.load", "cpu.ab.load"}),
        ("cpu.{a*,zz}.lo?d", {"cpu.a.load", "cpu.ab.load"}),
        ("gr*.[ä-ü]", {"größe.ü"}),
        ("gro\u0308ße.?", {"größe.ü"}),
        ("a[*]b", {"a*b"}),
        ("a+b.*", {"a+b.c"}),
        ("cpu;*", {"cpu", "cpu;host=web1", "cpu;host=web2;dc=eu", "cpu;dc=us"}),
        ("cpu;host=web*", {"cpu;host=web1", "cpu;host=web2;dc=eu"}),
        ("cpu;host=web[2-9]", {"cpu;host=web2;dc=eu"}),
        ("cpu;host!=web*", {"cpu", "cpu;dc=us"}),
        ("cpu;host=", {"cpu", "cpu;dc=us"}),
        ("cpu;host!=", {"cpu;host=web1", "cpu;host=web2;dc=eu"}),
        ("cpu;host=*;dc=eu", {"cpu;host=web2;dc=eu"}),
        ("*;k=x%3By", {"odd;k=x%3By"}),
        ("nothing.*", set()),
    ],
)
def test_a_pattern_finds_its_metrics(actors: Actors, metrics: None, pattern: str, keys: set[str]) -> None:
    assert found(actors, pattern) == keys


def test_any_of_several_patterns_is_enough(actors: Actors, metrics: None) -> None:
    assert found(actors, "cpu.a", "cpu.b", "Cpu") == {"cpu.a", "cpu.b", "Cpu"}


def test_metrics_of_others_are_not_found(actors: Actors, metrics: None) -> None:
    assert not matching(Metric.objects.visible_to(actors.stranger.actor), ["**;*"]).exists()


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a" * 256,
        "*a" * 17,
        "{*,?,*,?,*,?,*,?,*,?,*,?,*,?,*,?}",
        "a[",
        "a]",
        "a{b",
        "a[z-a]",
        "a;b",
        "a;=c",
        "a;!=c",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        parse_pattern(pattern)


def test_sixteen_wildcards_and_255_characters_are_allowed_and_quick(actors: Actors) -> None:
    for number in range(20):
        make_metric(actors.organization, "a" * 200 + str(number))
    assert parse_pattern("a" * 255).is_exact
    started = time.monotonic()
    assert found(actors, "*a" * 16 + "b") == set()
    assert found(actors, "{a,aa}*" * 8 + "b") == set()
    assert time.monotonic() - started < 20  # a pattern that is tried in all ways takes hours


def test_a_literal_start_is_a_range_of_the_index(actors: Actors, metrics: None) -> None:
    plan = matching(Metric.objects.visible_to(actors.viewer.actor), ["cpu.a*"]).explain()
    condition = parse_pattern("cpu.a*").condition()
    assert "key__gte" in str(condition)
    assert "key >= 'cpu.a'" in plan.replace('"', "").replace("::text", "")
