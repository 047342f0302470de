"""Every setting is read once, and documented where operators look."""

import ast
import re
from itertools import pairwise

from tests.architecture.source import BASE_DIR, modules

ENV_EXAMPLE = BASE_DIR / "deploy" / "env.example"
READERS = {
    *("env_str", "env_choice", "env_bool", "env_int", "env_float", "env_list", "env_json", "env_url"),
    "env_checked",
    *("env_path", "secret_list", "database_settings", "redis_url", "email_settings"),
}
# The proofs let a worker die at a named point, which no operator sets; dbt inherits where programs lie; what
# leads git's process group hands on the whole environment that was made for git.
INHERITING = {"apps.datasets.importing.faults", "apps.signals.building.direct", "apps.projects.git.limited"}
LINE = re.compile(r"# ?([A-Z][A-Z0-9_]+)=(.*)|([A-Z][A-Z0-9_]+)=(.*)")


def read_settings() -> list[str]:
    (module,) = [module for module in modules() if module.name == "config.settings"]
    return [
        str(call.args[0].value)
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in READERS
        and isinstance(call.args[0], ast.Constant)
    ]


def documented_settings() -> list[str]:
    lines = ENV_EXAMPLE.read_text().splitlines()
    return [match[1] or match[3] for match in map(LINE.fullmatch, lines) if match]


def test_each_setting_is_read_once() -> None:
    names = read_settings()
    assert sorted(names) == sorted(set(names))


def test_each_setting_is_documented_and_nothing_else() -> None:
    assert sorted(documented_settings()) == sorted(read_settings())


def test_each_documented_setting_says_what_it_does() -> None:
    lines = ENV_EXAMPLE.read_text().splitlines()
    undescribed = [
        line
        for before, line in pairwise(lines)
        if LINE.fullmatch(line) and not (before.startswith("## ") and before.endswith("."))
    ]
    assert not undescribed


def test_the_environment_is_read_in_settings_only() -> None:
    wrong = [
        module.name
        for module in modules()
        if module.app
        and module.name not in INHERITING
        and re.search(r"\bos\.(environ|getenv)\b", module.text)
    ]
    assert not wrong
