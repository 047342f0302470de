"""What a new name may be, whatever it names."""

import builtins
import keyword
import unicodedata
from typing import Final

from apps.projects.renaming.errors import NewNameInvalid

BUILTINS: Final = frozenset(dir(builtins))
# Words that other languages of the syntactic mode keep for themselves are no identifiers there; a person
# sees every such edit before it is ticked.


def vetted_name(new_name: str) -> str:
    """Return the name as Python reads it (NFKC); raises NewNameInvalid.

    Soft keywords (`match`, `type`) are names like any other.
    """
    name = unicodedata.normalize("NFKC", new_name)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise NewNameInvalid
    return name


def is_dunder(name: str) -> bool:
    """Tell whether the interpreter gives a meaning to the name: `__init__`."""
    return name.startswith("__") and name.endswith("__") and name.strip("_") != ""


def is_mangled(name: str) -> bool:
    """Tell whether a class body changes the name: `__secret`."""
    return name.startswith("__") and not name.endswith("__")
