"""Renames by meaning, for Python: our own view of the code, and two engines as witnesses."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from apps.projects.analysis.isolated import EngineFailed, EngineLimits, EngineTimeout, run_isolated
from apps.projects.renaming.errors import LanguageNotSupported, SymbolAmbiguous, SymbolNotFound
from apps.projects.renaming.exporting import exported
from apps.projects.renaming.selecting import Selected
from apps.projects.renaming.syntactic import word_at
from apps.projects.renaming.texts import Text
from apps.projects.renaming.values import FoundSymbol, Wish
from apps.projects.renaming.wire import Asked, Listed, Pointed, Question, Script, Spot, Survey
from apps.projects.states import RenameKind

SURVEYING: Final = "apps.projects.renaming.surveying"
ENGINES: Final[Mapping[str, str]] = {
    "rope": "apps.projects.renaming.engines.rope_child",
    "jedi": "apps.projects.renaming.engines.jedi_child",
}
# The kinds of sites that an engine can be asked about.
CODE: Final = frozenset(
    {"name", "def", "param", "keyword", "attribute", "import", "from_module", "from_name", "alias"}
    | {"declared", "except", "capture", "match_keyword"}
)
# An engine stops by itself so long before its process would be ended.
SPARE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said of one wish: by our own view, and by each engine."""

    survey: Survey
    engines: Mapping[str, Listed]


def ask(wish: Wish, name: str, selected: Selected, limits: EngineLimits) -> Heard:
    """Ask the view, then both engines at once about what it found.

    Raises SymbolNotFound, SymbolAmbiguous, LanguageNotSupported; EngineTimeout and EngineFailed where the
    view itself gave no answer. An engine that gives none is one that lists nothing.
    """
    question = msgspec.structs.replace(question_of(wish, name, selected), seconds=limits.wall_s / 3)
    asked = msgspec.json.encode(Asked(question))
    survey = msgspec.json.decode(run_isolated(SURVEYING, asked, limits=limits), type=Survey)
    raise_symbol_error(survey)
    pointed = pointed_at(question.old, survey, max(limits.wall_s - SPARE_S, limits.wall_s / 2))
    with exported(python_texts(question, selected)) as folder:
        return Heard(survey, witnesses(pointed, folder, limits))


def pointed_at(name: str, survey: Survey, seconds: float) -> Pointed:
    """Put what the view found into a request to an engine: code alone, and all of it.

    What the view holds for something else is asked as well: an engine that says otherwise casts a doubt.
    """
    spots = [Spot(site.path, site.line, site.column) for site in survey.sites if site.kind in CODE]
    others = [item for item in survey.left if item.reason == "other_binding"]
    spots += [Spot(item.path, item.line, item.column) for item in others]
    return Pointed(name, survey.definitions, sorted(spots, key=lambda spot: (spot.path, spot.line)), seconds)


def question_of(wish: Wish, name: str, selected: Selected) -> Question:
    """Put a wish into words for the view; raises SymbolNotFound, LanguageNotSupported."""
    question = Question(
        kind=wish.kind,
        old=wish.qualified_name.rpartition(".")[2],
        new=name,
        qualified_name=wish.qualified_name,
        scripts=[
            Script(path, "python" if is_python(path, source.language) else "", selected.texts[path].plain)
            for path, source in selected.files.items()
        ],
        strings=wish.strings,
        comments=wish.comments,
        docs=wish.docs,
    )
    place = wish.place
    if place is None:
        return question
    if place.path not in selected.files:
        raise SymbolNotFound
    if not is_python(place.path, selected.files[place.path].language):
        raise LanguageNotSupported
    old = module_name(place.path) if wish.kind == RenameKind.MODULE else word_at(selected, place)
    return msgspec.structs.replace(
        question, old=old, path=place.path, line=place.line, column=place.column, qualified_name=""
    )


def is_python(path: str, language: str) -> bool:
    """Tell whether a file is read as Python."""
    return path.endswith(".py") or language.lower() == "python"


def module_name(path: str) -> str:
    """Return the last part of a module's name: of its file, or of its folder."""
    stem = path.removesuffix("/__init__.py").rpartition("/")[2]
    return stem.removesuffix(".py")


def python_texts(question: Question, selected: Selected) -> dict[str, Text]:
    """Return the texts of the files that are Python."""
    return {script.path: selected.texts[script.path] for script in question.scripts if script.language}


def raise_symbol_error(survey: Survey) -> None:
    """Raise what the view says of the symbol, if it does."""
    extra = {"candidates": msgspec.to_builtins(survey.candidates)}
    if survey.error == "symbol_ambiguous":
        raise SymbolAmbiguous(extra=extra)
    if survey.error:
        raise SymbolNotFound(extra=extra)


def witnesses(pointed: Pointed, folder: Path, limits: EngineLimits) -> dict[str, Listed]:
    """Ask both engines at once, each in a process and a thread that waits for it."""
    content = msgspec.json.encode(pointed)
    with ThreadPoolExecutor(len(ENGINES)) as pool:
        answers = {
            engine: pool.submit(witness, module, content, folder, limits)
            for engine, module in ENGINES.items()
        }
        return {engine: answer.result() for engine, answer in answers.items()}


def witness(module: str, content: bytes, folder: Path, limits: EngineLimits) -> Listed:
    """Ask one engine; one that fails lists nothing, and says that it is not complete."""
    try:
        return msgspec.json.decode(run_isolated(module, content, folder=folder, limits=limits), type=Listed)
    except (EngineTimeout, EngineFailed):
        return Listed([], is_complete=False)


def found_symbol(survey: Survey, wish: Wish) -> FoundSymbol:
    """Return the symbol as others see it."""
    symbol = survey.symbol
    if symbol is None:
        raise SymbolNotFound
    return FoundSymbol(
        symbol.name, symbol.qualified_name, symbol.kind, symbol.path, symbol.line, symbol.column
    )
