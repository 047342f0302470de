"""Keys of signals: the same entity has the same key, however a file spells it."""

import json
import os
import subprocess
import sys
import unicodedata
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from apps.signals.keys import Scalar, canonical_dimensions, canonical_text, entity_hash, signal_key

NODE = "losIndex__medicareId__aggregate_time_period"
SIGNAL_VECTOR = "be73cb13-b7e2-832f-96ad-d620b7739e81"
ENTITY_VECTOR = "3bf94698-0657-8160-9ffd-25130bee8b36"
PROGRAM = f"""
from apps.signals.keys import entity_hash, signal_key
print(signal_key("demo_graph", "losIndex", "{NODE}", "FAC001", []))
print(entity_hash("FAC002", [("vizientServiceLine", "Orthopedics")]))
"""

names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
values = st.one_of(st.none(), st.booleans(), names, st.integers(-(10**18), 10**18), st.floats(-1e15, 1e15))


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_the_known_keys_come_out_in_any_process(seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [SIGNAL_VECTOR, ENTITY_VECTOR]


@given(st.dictionaries(names, values, max_size=5), st.randoms(use_true_random=False), values)
def test_order_and_spelling_make_no_difference(
    dimensions: dict[str, Scalar], random: Any, facility: Scalar
) -> None:
    # Two names that differ in the form of an accent alone are one name twice.
    dimensions = {unicodedata.normalize("NFC", name): value for name, value in dimensions.items()}
    shuffled = [(decomposed(name), spelled_otherwise(value)) for name, value in dimensions.items()]
    random.shuffle(shuffled)
    other = spelled_otherwise(facility)
    assert entity_hash(facility, dimensions.items()) == entity_hash(other, shuffled)
    one = signal_key("graph", "m", "n", facility, dimensions.items())
    assert one == signal_key("graph", "m", "n", other, shuffled)
    assert (one.version, one.variant) == (8, "specified in RFC 4122")


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def spelled_otherwise(value: Scalar) -> Scalar:
    """Return the value as another writer would: a number as text, an accent in two characters."""
    if isinstance(value, str):
        return decomposed(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return value if value is None else json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.0, "12"),
        (12, "12"),
        ("12", "12"),
        ("12.0", "12.0"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e15, "1000000000000000"),
        (10**15, "1000000000000000"),
        (1e22, "1e+22"),
        (10**22, "1e+22"),
        (10**400, "1" + "0" * 400),
        (float("nan"), None),
        (float("inf"), None),
        (True, "true"),
        (None, None),
        ("e\u0301", "\u00e9"),
        ("half \ud800 pair", "half \ufffd\ufffd\ufffd pair"),
    ],
)
def test_values_become_their_shortest_text(value: Scalar, text: str | None) -> None:
    assert canonical_text(value) == text


def test_dimensions_are_sorted_by_name_and_null_is_a_value() -> None:
    found = canonical_dimensions([("b", None), ("a", 3.0), ("A", True)])
    assert found == [("A", "true"), ("a", "3"), ("b", None)]


def test_whatever_tells_signals_apart_is_in_their_key() -> None:
    keys = {
        signal_key("g", "m", "n", "F", [("a", "x")]),
        signal_key("h", "m", "n", "F", [("a", "x")]),
        signal_key("g", "k", "n", "F", [("a", "x")]),
        signal_key("g", "m", "o", "F", [("a", "x")]),
        signal_key("g", "m", "n", "G", [("a", "x")]),
        signal_key("g", "m", "n", None, [("a", "x")]),
        signal_key("g", "m", "n", "F", [("b", "x")]),
        signal_key("g", "m", "n", "F", [("a", "y")]),
        signal_key("g", "m", "n", "F", [("a", None)]),
        signal_key("g", "m", "n", "F", []),
    }
    assert len(keys) == 10
