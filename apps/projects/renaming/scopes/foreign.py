"""Classes from outside of the project: the standard library can be asked what they define, others cannot.

Modules of the standard library alone are imported, by a list: none of them does anything when imported.
"""

import importlib
import types
from functools import lru_cache
from typing import Final

KNOWN: Final = frozenset(
    {
        "abc",
        "argparse",
        "ast",
        "asyncio",
        "builtins",
        "codecs",
        "collections",
        "collections.abc",
        "configparser",
    }
    | {"contextlib", "contextvars", "csv", "dataclasses", "datetime", "decimal", "email.message", "enum"}
    | {"fractions", "functools", "html.parser", "http.client", "http.cookiejar", "http.server", "io", "json"}
    | {
        "json.decoder",
        "json.encoder",
        "logging",
        "logging.handlers",
        "numbers",
        "operator",
        "pathlib",
        "pickle",
    }
    | {"queue", "random", "selectors", "socketserver", "string", "tempfile", "threading", "types", "typing"}
    | {"unittest", "unittest.mock", "urllib.request", "uuid", "weakref", "zipfile"}
)
# Nothing but a mark on a class.
MARKS: Final = frozenset(
    {"typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "builtins.object"}
)
# Method names by which objects without a base class serve the standard library: files, mappings, locks.
SERVED: Final = frozenset(
    {"write", "writelines", "read", "readline", "readlines", "close", "flush", "seek", "tell", "truncate"}
    | {
        "fileno",
        "isatty",
        "readable",
        "writable",
        "seekable",
        "readinto",
        "getvalue",
        "keys",
        "values",
        "items",
    }
    | {
        "get",
        "pop",
        "popitem",
        "update",
        "setdefault",
        "copy",
        "clear",
        "append",
        "extend",
        "insert",
        "remove",
    }
    | {"acquire", "release", "send", "throw", "add", "discard", "emit", "handle", "format", "filter"}
)


@lru_cache(maxsize=256)
def foreign_class(dotted: str) -> type | None:
    """Return a class of the standard library, or None."""
    module, _, name = dotted.rpartition(".")
    if module not in KNOWN:
        return None
    found = getattr(importlib.import_module(module), name, None)
    return found if isinstance(found, type) else None


def may_define(dotted: str, name: str) -> bool | None:
    """Tell whether a foreign base class defines or uses a name; None where it cannot be asked."""
    if dotted in MARKS:
        return False
    if dotted == "typing.NamedTuple":
        return hasattr(tuple, name)
    found = foreign_class(dotted)
    if found is None:
        return None
    return hasattr(found, name) or any(name in used_names(kind) for kind in found.__mro__)


def used_names(kind: type) -> set[str]:
    """Return the names that the functions of a class use: among them, what they set on `self`."""
    functions = [item for item in vars(kind).values() if isinstance(item, types.FunctionType)]
    return {name for function in functions for name in function.__code__.co_names}
