"""Who may know whom, as far as import-linter cannot tell."""

import ast

from django.apps import apps

from tests.architecture.source import Module, modules

# Upper apps see those below: architecture.md section 3.
BELOW = {
    "spatial": {"datasets", "accounts"},
    "datasets": {"accounts"},
    "metrics": {"accounts"},
    "signals": {"accounts"},
    "projects": {"accounts"},
    "previews": {"projects", "accounts"},
    "accounts": set(),
}
SURFACE = {"models", "services", "queries"}
# `pages` is the decorator by which every page states its permission: the page's side of authentication.
SURFACE_OF = {"accounts": SURFACE | {"authentication", "permissions", "pages"}}
# Their names hide what is inside, or (the first) say "receiver" to every Django developer.
VAGUE_NAMES = {"signals", "utils", "util", "helpers", "helper", "misc", "managers"}


def test_foreign_keys_point_down() -> None:
    wrong = []
    for model in apps.get_models():
        app = model._meta.app_label
        if app not in BELOW:
            continue
        for field in model._meta.get_fields():
            target = getattr(field, "remote_field", None) and field.related_model
            if target is None or field.auto_created:
                continue
            other = target._meta.app_label
            if other != app and other in BELOW and other not in BELOW[app]:
                wrong.append(f"{model.__name__}.{field.name} -> {other}")
    assert not wrong


def test_other_apps_are_used_by_their_public_surface_only() -> None:
    wrong = []
    for module in modules():
        if not module.app:
            continue
        for name in module.imports():
            parts = name.split(".")
            if parts[0] != "apps" or len(parts) < 3 or parts[1] in {module.app, "common"}:
                continue
            if parts[2] not in SURFACE_OF.get(parts[1], SURFACE):
                wrong.append(f"{module.name} imports {name}")
    assert not wrong


def test_common_imports_no_app_and_apps_import_no_wiring() -> None:
    wrong = [
        f"{module.name} imports {name}"
        for module in modules()
        for name in module.imports()
        if (module.app == "common" and name.startswith("apps.") and not name.startswith("apps.common"))
        or (module.app and name.split(".")[0] == "config")
    ]
    assert not wrong


def test_our_own_code_is_imported_at_the_top() -> None:
    wrong = [
        f"{module.name}.{function.name} imports {name}"
        for module in modules()
        for function in module.functions()
        for name in module.imports(function)
        if name.split(".")[0] in {"apps", "config"} and not _must_wait(module, function.name)
    ]
    assert not wrong


def _must_wait(module: Module, function: str) -> bool:
    """Tell whether code runs before what it imports can be loaded: `ready`, and the prelude."""
    return (module.path.name == "apps.py" and function == "ready") or module.name == "config.bootstrap"


def test_files_are_named_for_what_they_hold() -> None:
    assert [module.name for module in modules() if VAGUE_NAMES & set(module.name.split(".")[2:])] == []


def test_exceptions_are_caught_whole_only_where_that_is_explained() -> None:
    wrong = []
    for module in modules():
        lines = module.text.splitlines()
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            is_bare = node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
            near = "\n".join(lines[max(node.lineno - 2, 0) : node.lineno + 2])
            if is_bare and "#" not in near and module.name != "apps.common.jobs.execution":
                wrong.append(f"{module.name}:{node.lineno}")
    assert not wrong
