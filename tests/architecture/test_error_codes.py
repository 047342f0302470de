"""Error codes are API: each belongs to one class and says what happened."""

import importlib
import re

from apps.common.errors import DomainError, iter_error_classes
from tests.architecture.source import modules

FORMAT = re.compile(r"[a-z_]+(\.[a-z0-9_]+)*")


def product_errors() -> list[type[DomainError]]:
    for module in modules():
        if module.app:
            importlib.import_module(module.name)
    return [cls for cls in iter_error_classes() if cls.__module__.startswith(("apps.", "config."))]


def test_a_code_is_set_by_one_class_only() -> None:
    owners: dict[str, list[str]] = {}
    for cls in product_errors():
        if "code" in vars(cls):
            owners.setdefault(cls.code, []).append(f"{cls.__module__}.{cls.__name__}")
    owners["server.error"] = owners["server.error"][:1]  # the root's code, which ServerError puts on the wire
    assert {code: names for code, names in owners.items() if len(names) > 1} == {}


def test_codes_have_one_form_and_titles_are_sentences() -> None:
    wrong = [
        cls.__name__
        for cls in product_errors()
        if not FORMAT.fullmatch(cls.code) or not cls.title().endswith(".") or len(cls.title()) > 120
    ]
    assert not wrong
