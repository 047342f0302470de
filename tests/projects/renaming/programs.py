"""Random programs of nested scopes, all over few names: they hide, share and capture each other's."""

from hypothesis import strategies as st

NAMES = ("a", "b", "c", "d")
names = st.sampled_from(NAMES)
INDENT = "    "


@st.composite
def expressions(  # noqa: PLR0911 - one return for each kind
    draw: st.DrawFn, known: tuple[str, ...], depth: int = 2
) -> str:
    """Draw an expression that reads known names, and hides some."""
    kinds = ["name", "number"]
    if depth:
        kinds += ["sum", "list", "lambda", "f-string", "walrus", "dict", "condition"]
    kind = draw(st.sampled_from(kinds))
    inner = expressions(known, depth - 1)
    name = draw(names)
    hidden = expressions((*known, name), depth - 1)
    match kind:
        case "name" if known:
            return draw(st.sampled_from(known))
        case "sum":
            return f"[{draw(inner)}, {draw(inner)}]"
        case "list":
            return f"[{draw(hidden)} for {name} in [1, 2]]"
        case "dict":
            return f"list({{{name}: {draw(hidden)} for {name} in (3, 4)}}.items())"
        case "lambda":
            return f"(lambda {name}={draw(inner)}: {draw(hidden)})({draw(inner)})"
        case "f-string":
            one, other = draw(st.sampled_from(known or ("1",))), draw(st.sampled_from(known or ("2",)))
            return f"f'{{{one}}} {{{other}!r:>9}}'"
        case "condition":
            return f"({draw(inner)} if {draw(inner)} else {draw(inner)})"
        case "walrus":
            return f"({name} := {draw(st.integers(5, 9))})"
    return str(draw(st.integers(0, 4)))


@st.composite
def blocks(
    draw: st.DrawFn, level: int, known: tuple[str, ...], kind: str, outer: tuple[str, ...]
) -> list[str]:
    """Draw the statements of a scope; `outer` are names that functions around it bind."""
    lines: list[str] = []
    own: list[str] = []
    if kind == "function":
        declared = draw(st.sets(names, max_size=1))
        for name in sorted(declared):
            word = "nonlocal" if name in outer and draw(st.booleans()) else "global"
            lines.append(f"{word} {name}")
            own.append(name)
    for name in sorted(draw(st.sets(names, min_size=1, max_size=3))):
        lines.append(f"{name} = {draw(expressions(known, 1))}")
        own.append(name)
    seen = tuple(dict.fromkeys((*known, *own))) if kind != "class" else known
    reads = tuple(dict.fromkeys((*known, *own)))
    for _ in range(draw(st.integers(1, 4))):
        lines += draw(statements(level, reads, seen, outer if kind != "function" else (*outer, *own)))
    return lines


@st.composite
def statements(
    draw: st.DrawFn, level: int, reads: tuple[str, ...], seen: tuple[str, ...], outer: tuple[str, ...]
) -> list[str]:
    """Draw a statement: `reads` are readable here, `seen` in the scopes inside."""
    kinds = ["print", "print", "assign", "loop", "try", "delete"]
    if level < 3:
        kinds += ["function", "function", "class"]
    kind, name = draw(st.sampled_from(kinds)), draw(names)
    match kind:
        case "print":
            return [f"print({draw(expressions(reads))}, {draw(expressions(reads))})"]
        case "assign":
            return [f"{name} = {draw(expressions(reads))}"]
        case "loop":
            return [f"for {name} in [1, 2]:", f"{INDENT}print({name})"]
        case "delete":
            return [f"{name} = 1", f"del {name}", f"{name} = 2"]
        case "try":
            return [
                "try:",
                f"{INDENT}1 / 0",
                "except ZeroDivisionError:",
                f"{INDENT}{name} = 'caught'",
                f"{INDENT}print({name})",
            ]
        case "class":
            body = draw(blocks(level + 1, seen, "class", outer))
            return [
                f"class {name}:",
                *(INDENT + line for line in body),
                f"print({name}.__dict__['__module__'])",
            ]
    parameter = draw(names)
    body = draw(blocks(level + 1, (*seen, parameter), "function", outer))
    body = [line for line in body if line.split() not in (["global", parameter], ["nonlocal", parameter])]
    call = draw(st.sampled_from([f"{name}(1)", f"{name}({parameter}=2)", f"{name}()"]))
    return [
        f"def {name}({parameter}={draw(expressions(reads, 1))}):",
        *(INDENT + line for line in body),
        call,
    ]


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Draw a whole program."""
    return "\n".join(draw(blocks(0, (), "module", ()))) + "\n"
