"""Let nothing of the folder that is looked at be imported, whatever an engine thinks it needs.

jedi imports compiled modules by name with the folder on the search path: a file called like one of them,
which this system lacks, must not run.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType


class RefusingFinder(MetaPathFinder):
    """Stands before all other finders."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse what would be loaded from the folder; leave all else to the others."""
        spec = PathFinder.find_spec(fullname, path, target)
        places = [] if spec is None else [spec.origin or "", *(spec.submodule_search_locations or ())]
        if any(place.startswith(self.folder) for place in places):
            raise ImportError(fullname)
        return None


def refuse_imports_from(folder: Path) -> None:
    """Refuse the folder for as long as the process lives."""
    sys.meta_path.insert(0, RefusingFinder(folder))
