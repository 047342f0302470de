"""Find the symbol that somebody wishes to rename before its analysis, while they still wait for an answer."""

from typing import Final

import msgspec
from django.conf import settings

from apps.projects.analysis.isolated import EngineFailed, EngineLimits, EngineTimeout, run_isolated
from apps.projects.renaming.selecting import select_files
from apps.projects.renaming.semantic import SURVEYING, question_of, raise_symbol_error
from apps.projects.renaming.values import Sources, Wish
from apps.projects.renaming.wire import Asked, Survey

# Nobody waits for more than so much code to be read.
LOCATED_MAX_BYTES: Final = 1024**2
WALL_S: Final = 10


def locate_symbol(wish: Wish, sources: Sources) -> None:
    """Raise SymbolNotFound or SymbolAmbiguous, with candidates, if that can be told within WALL_S."""
    question = question_of(wish, wish.new_name, select_files(sources, (), ()))
    limits = EngineLimits(settings.PROJECTS_RENAME_MEMORY_BYTES, cpu_s=WALL_S, wall_s=WALL_S)
    try:
        answer = run_isolated(SURVEYING, msgspec.json.encode(Asked(question)), limits=limits)
    except (EngineTimeout, EngineFailed):
        return
    raise_symbol_error(msgspec.json.decode(answer, type=Survey))
