"""Searches of a project's code and names at a ref, but for what the project leaves out."""

from dataclasses import dataclass

from django.db.models import TextChoices

from apps.accounts.permissions import Actor
from apps.projects.git.layout import published_repository
from apps.projects.models import Project
from apps.projects.reading.listing import all_files
from apps.projects.reading.refs import published_mirror, resolve
from apps.projects.reading.search import Hit, Question, Scope, search_code, search_paths
from apps.projects.reading.turns import search_turn


class Target(TextChoices):
    """What is searched."""

    CODE = "code"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Search:
    """A question, and where it is asked; `ref` empty is the published head, `glob` empty every path."""

    question: Question
    target: Target = Target.CODE
    ref: str = ""
    glob: str = ""
    languages: frozenset[str] = frozenset()
    context: int = 2


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found in a commit, in the order of paths and lines; there is more if `is_truncated`."""

    commit: str | None
    hits: tuple[Hit, ...]
    is_truncated: bool


def search_project(actor: Actor, project: Project, asked: Search) -> SearchResult:
    """Return what a search finds within 5 s; at most three queries for the published head.

    Raises NotFound, NotLinked, RegexInvalid, and Throttled while two searches of the actor run.
    """
    mirror = published_mirror(project)
    commit = resolve(project, asked.ref).commit
    if not commit:
        return SearchResult(None, (), is_truncated=False)
    excluded = tuple(project.option("exclude_globs"))
    with search_turn(actor.key):
        if asked.target is Target.PATH:
            scope = Scope(asked.glob, excluded)
            found = search_paths(all_files(mirror, commit, asked.languages), asked.question, scope)
        else:
            files = frozenset(all_files(mirror, commit, asked.languages)) if asked.languages else None
            scope = Scope(asked.glob, excluded, files)
            repository = published_repository(mirror)
            found = search_code(repository, commit, asked.question, scope, context=asked.context)
    return SearchResult(commit, found.hits, found.is_truncated)
