"""A project as it is understood for two names: the one it has, and the one it would get."""

import math
import time
from collections.abc import Mapping

from apps.projects.renaming.scopes.building import build
from apps.projects.renaming.scopes.census import Census
from apps.projects.renaming.scopes.inferring import Inference
from apps.projects.renaming.scopes.modules import Module, Project, Unparsed
from apps.projects.renaming.scopes.resolving import Resolver


class View:
    """Modules, the occurrences of both names, and what they mean."""

    def __init__(self, modules: Mapping[str, Module], old: str, new: str) -> None:
        self.old = old
        self.new = new
        self.project = Project(modules)
        self.inference = Inference(self.project)
        self.of_old = Resolver(Census(self.inference, old))
        self.of_new = Resolver(Census(self.inference, new))

    def resolver(self, name: str) -> Resolver:
        """Return the resolver of one of the names."""
        return self.of_old if name == self.old else self.of_new


def read_modules(
    texts: Mapping[str, str], names: frozenset[str], seconds: float = math.inf
) -> tuple[dict[str, Module], dict[str, str]]:
    """Parse files and build their scopes; returns also why some could not be.

    Those that hold a name come first: when time or memory runs out, the others are what is missing.
    """
    deadline = time.monotonic() + seconds
    modules: dict[str, Module] = {}
    unparsed: dict[str, str] = {}
    for path in sorted(texts, key=lambda path: not any(name in texts[path] for name in names)):
        if time.monotonic() > deadline:
            unparsed[path] = "time"
            continue
        try:
            module = Module(path, texts[path])
            build(module, names)
        except Unparsed as error:
            unparsed[path] = str(error)
        except RecursionError:
            unparsed[path] = "too_deep"
        except MemoryError:
            unparsed[path] = "memory"
        else:
            modules[path] = module
    return {path: modules[path] for path in texts if path in modules}, unparsed
