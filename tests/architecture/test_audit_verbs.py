"""The audit speaks in words that are written down: each verb in code is registered."""

import ast

from apps.common.audit import audit_verbs
from tests.architecture.source import Module, modules


def texts(tree: ast.AST) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def spoken(module: Module) -> list[tuple[int, set[str]]]:
    """Return the line and the possible verbs of each call of record_audit."""
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    named = [
        call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) == "record_audit"
    ]
    return [(call.lineno, _verbs(module, call)) for call in named]


def _verbs(module: Module, call: ast.Call) -> set[str]:
    (value,) = [keyword.value for keyword in call.keywords if keyword.arg == "verb"]
    if not isinstance(value, ast.Name):
        return texts(value)
    # `verb = "a" if ... else "b"` stands near the call, in the same function.
    function = next(f for f in module.functions() if f.lineno <= call.lineno <= (f.end_lineno or 0))
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and value.id in {
            n.id for n in ast.walk(node.targets[0]) if isinstance(n, ast.Name)
        }:
            found |= texts(node.value)
    return found


def test_each_verb_in_code_is_registered() -> None:
    wrong = [
        f"{module.name}:{line} says {sorted(verbs) or 'no literal'}: write it into {module.app}/verbs.py"
        for module in modules()
        for line, verbs in spoken(module)
        if not verbs & audit_verbs().keys()
        or not {verb for verb in verbs if "." in verb} <= audit_verbs().keys()
    ]
    assert not wrong


def test_each_verb_is_a_word_of_its_app_with_a_sentence() -> None:
    for verb, sentence in audit_verbs().items():
        app, _, act = verb.partition(".")
        assert app.isidentifier(), verb
        assert act.isidentifier(), verb
        assert sentence[0].isupper(), verb
        assert not sentence.endswith("."), verb
