"""The budget of style.md rule 25: no tail."""

import ast
import statistics

from tests.architecture.source import modules

MEDIAN_LINES, P95_LINES, FUNCTION_LINES = 10, 40, 60
FILE_LINES, FILE_LINES_MAX = 400, 500


def lengths() -> dict[str, int]:
    return {
        f"{module.name}.{function.name}:{function.lineno}": length(function)
        for module in modules()
        for function in module.functions()
    }


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring: explaining costs nothing."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_functions_are_short() -> None:
    found = sorted(lengths().values())
    assert statistics.median(found) <= MEDIAN_LINES
    assert statistics.quantiles(found, n=20)[-1] <= P95_LINES


def test_no_function_is_long() -> None:
    assert {name: lines for name, lines in lengths().items() if lines > FUNCTION_LINES} == {}


def test_files_are_short() -> None:
    sizes = {module.name: len(module.text.splitlines()) for module in modules()}
    assert {name: lines for name, lines in sizes.items() if lines > FILE_LINES_MAX} == {}
    over = [name for name, lines in sizes.items() if lines > FILE_LINES]
    assert len(over) <= len(sizes) // 20, over
