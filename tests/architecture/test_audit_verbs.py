"""The audit speaks in words that are written down: each verb in code is registered."""

import ast

from apps.common.audit import audit_verbs
from tests.architecture.source import Module, modules

Function = ast.FunctionDef | ast.AsyncFunctionDef


def words(*trees: ast.AST) -> set[str]:
    """Return the texts of the form `app.word`."""
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {str(node.value) for node in nodes if isinstance(node.value, str) and "." in node.value}


def calls_of(module: Module, name: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) == name]


def verbs_of(module: Module, call: ast.Call) -> set[str]:
    """Return what a call of record_audit may say."""
    (value,) = [keyword.value for keyword in call.keywords if keyword.arg == "verb"]
    if not isinstance(value, ast.Name):
        return words(value)
    around = [f for f in module.functions() if f.lineno <= call.lineno <= (f.end_lineno or 0)]
    (function,) = around[-1:]
    if value.id in {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}:
        return words(*(part for caller in calls_of(module, function.name) for part in _given(caller)))
    # `verb = "a" if ... else "b"` in the same function.
    return words(*(node.value for node in ast.walk(function) if _assigns(node, value.id)))  # type: ignore[attr-defined]


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _assigns(node: ast.AST, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(found, ast.Name) and found.id == name for t in targets for found in ast.walk(t))


def test_each_verb_in_code_is_registered() -> None:
    wrong = []
    for module in modules():
        for call in calls_of(module, "record_audit"):
            verbs = verbs_of(module, call)
            if not verbs or not verbs <= audit_verbs().keys():
                said = sorted(verbs - audit_verbs().keys()) or "no literal verb"
                wrong.append(f"{module.name}:{call.lineno} says {said}: write it into the app's verbs.py")
    assert not wrong


def test_each_verb_is_a_word_of_its_app_with_a_sentence() -> None:
    for verb, sentence in audit_verbs().items():
        app, _, act = verb.partition(".")
        assert app.isidentifier(), verb
        assert act.isidentifier(), verb
        assert sentence[0].isupper(), verb
        assert not sentence.endswith("."), verb
