"""Definitions of the languages whose grammars ast-grep bundles.

The table is asked before ast-grep is: a name that it does not know ends the process.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from apps.projects.analysis.values import (
    DOCSTRING_CHARS,
    NAME_CHARS,
    QUALIFIED_CHARS,
    SIGNATURE_CHARS,
    Definition,
)

DEFINITIONS_MAX: Final = 20_000
# To look beside a node takes as long as it lies deep; nobody comments what lies deeper.
COMMENTED_DEPTH: Final = 32
NAMING: Final = frozenset({"identifier", "simple_identifier", "type_identifier"})
KIND_OF_VALUE: Final = frozenset({"arrow_function", "function", "function_expression", "generator_function"})


@dataclass(frozen=True, slots=True)
class Grammar:
    """What ast-grep calls the language, and which nodes define something: node kind -> our kind.

    `fields` are where a node keeps its name, the first that it has.
    """

    name: str
    kinds: dict[str, str]
    fields: tuple[str, ...] = ("name",)


_JAVASCRIPT: Final = {
    "class_declaration": "class",
    "function_declaration": "function",
    "generator_function_declaration": "function",
    "method_definition": "method",
    "variable_declarator": "function",
}
_TYPESCRIPT: Final = _JAVASCRIPT | {
    "abstract_class_declaration": "class",
    "interface_declaration": "interface",
    "enum_declaration": "enum",
    "type_alias_declaration": "type",
}

# By the manifest's name of the language, in lower case.
GRAMMARS: Final[dict[str, Grammar]] = {
    "javascript": Grammar("javascript", _JAVASCRIPT),
    "jsx": Grammar("javascript", _JAVASCRIPT),
    "typescript": Grammar("typescript", _TYPESCRIPT),
    "tsx": Grammar("tsx", _TYPESCRIPT),
    "java": Grammar(
        "java",
        {
            "class_declaration": "class",
            "interface_declaration": "interface",
            "enum_declaration": "enum",
            "record_declaration": "class",
            "method_declaration": "method",
            "constructor_declaration": "method",
        },
    ),
    "kotlin": Grammar(
        "kotlin",
        {"class_declaration": "class", "object_declaration": "class", "function_declaration": "function"},
    ),
    "go": Grammar(
        "go", {"function_declaration": "function", "method_declaration": "method", "type_spec": "type"}
    ),
    "rust": Grammar(
        "rust",
        {
            "function_item": "function",
            "struct_item": "struct",
            "enum_item": "enum",
            "trait_item": "trait",
            "mod_item": "module",
            "macro_definition": "macro",
        },
    ),
    "c": Grammar(
        "c",
        {"function_definition": "function", "struct_specifier": "struct", "enum_specifier": "enum"},
        ("name", "declarator"),
    ),
    "c++": Grammar(
        "cpp",
        {
            "function_definition": "function",
            "class_specifier": "class",
            "struct_specifier": "struct",
            "enum_specifier": "enum",
            "namespace_definition": "module",
        },
        ("name", "declarator"),
    ),
    "c#": Grammar(
        "csharp",
        {
            "class_declaration": "class",
            "interface_declaration": "interface",
            "struct_declaration": "struct",
            "enum_declaration": "enum",
            "record_declaration": "class",
            "method_declaration": "method",
            "constructor_declaration": "method",
        },
    ),
    "ruby": Grammar(
        "ruby", {"class": "class", "module": "module", "method": "method", "singleton_method": "method"}
    ),
    "php": Grammar(
        "php",
        {
            "class_declaration": "class",
            "interface_declaration": "interface",
            "trait_declaration": "trait",
            "function_definition": "function",
            "method_declaration": "method",
        },
    ),
    "swift": Grammar(
        "swift",
        {
            "class_declaration": "class",
            "protocol_declaration": "interface",
            "function_declaration": "function",
        },
    ),
    "scala": Grammar(
        "scala",
        {
            "class_definition": "class",
            "object_definition": "class",
            "trait_definition": "trait",
            "function_definition": "function",
        },
    ),
    "lua": Grammar("lua", {"function_declaration": "function"}),
    "shell": Grammar("bash", {"function_definition": "function"}),
}
ALIASES: Final = {"cpp": "c++", "csharp": "c#", "bash": "shell", "sh": "shell", "javascriptreact": "jsx"}


def find_grammar(language: str) -> Grammar | None:
    """Return the grammar of a language as the manifest names it, None if none is bundled."""
    name = language.lower()
    return GRAMMARS.get(ALIASES.get(name, name))


def read_definitions(text: str, grammar: Grammar) -> tuple[Definition, ...]:
    """Return what a file defines, in the order of its lines."""
    # Only the child that reads such a file pays for the grammars.
    from ast_grep_py import SgRoot  # noqa: PLC0415

    root = SgRoot(text, grammar.name).root()
    wanted: Any = {"rule": {"any": [{"kind": kind} for kind in grammar.kinds]}}
    nodes = [node for node in root.find_all(wanted) if _is_definition(node)]
    nodes.sort(key=lambda node: (node.range().start.index, -node.range().end.index))
    found: list[Definition] = []
    enclosing: list[tuple[int, Definition]] = []
    for node in nodes[:DEFINITIONS_MAX]:
        while enclosing and enclosing[-1][0] <= node.range().start.index:
            enclosing.pop()
        definition = _definition(node, grammar, enclosing[-1][1] if enclosing else None, text)
        if definition is not None and len(enclosing) < COMMENTED_DEPTH:
            definition = msgspec.structs.replace(definition, docstring=_comment_before(node))
        if definition is not None:
            enclosing.append((node.range().end.index, definition))
            found.append(definition)
    return tuple(found)


def _is_definition(node: Any) -> bool:
    """Leave out variables that hold no function, and types that are only mentioned."""
    kind: str = node.kind()
    if kind == "variable_declarator":
        value = node.field("value")
        return value is not None and value.kind() in KIND_OF_VALUE
    return not kind.endswith("_specifier") or node.field("body") is not None


def _definition(node: Any, grammar: Grammar, outer: Definition | None, text: str) -> Definition | None:
    name = _name(node, grammar)
    if not name:
        return None
    kind = grammar.kinds[node.kind()]
    if kind == "function" and outer is not None and outer.kind in {"class", "interface", "trait"}:
        kind = "method"
    span = node.range()
    return Definition(
        name=name,
        # A stranger may nest as deep as they like.
        qualified_name=(f"{outer.qualified_name}.{name}" if outer is not None else name)[:QUALIFIED_CHARS],
        kind=kind,
        line_start=span.start.line + 1,
        line_end=span.end.line + 1,
        signature=_signature(node, text),
        is_public=not name.startswith("_"),
    )


def _name(node: Any, grammar: Grammar) -> str:
    for field in grammar.fields:
        found = node.field(field)
        # A declarator of C may hold another: the name is the innermost.
        while found is not None and found.field("declarator") is not None:
            found = found.field("declarator")
        if found is not None:
            return str(found.text())[:NAME_CHARS]
    # Kotlin's nodes have no fields.
    names = [child for child in node.children() if child.kind() in NAMING]
    return str(names[0].text())[:NAME_CHARS] if names else ""


def _signature(node: Any, text: str) -> str:
    """Return a definition up to its body, on one line; cut from the file's text, not from the node's own.

    What nests deep would be copied once for each level.
    """
    start, body = node.range().start.index, node.field("body")
    if body is not None:
        head = text[start : min(body.range().start.index, start + SIGNATURE_CHARS * 2)]
    else:
        head = text[start : start + SIGNATURE_CHARS * 2].partition("\n")[0].partition("{")[0]
    return " ".join(head.split())[:SIGNATURE_CHARS]


def _comment_before(node: Any) -> str | None:
    """Return the comment right before a definition, or before the statement that exports it."""
    for place in (node, node.parent()):
        before = place.prev() if place is not None else None
        if before is not None and "comment" in before.kind():
            is_near = node.range().start.line - before.range().end.line <= 1
            return str(before.text())[:DOCSTRING_CHARS] if is_near else None
    return None
