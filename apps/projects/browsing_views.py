"""Pages of a project's code: folders and files, searches, commits, comparisons."""

import uuid
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Concatenate, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.common.errors import DomainError, Invalid, Throttled
from apps.common.throttles import take_for
from apps.projects.browsing.diffs import show_diff
from apps.projects.browsing.places import Place, open_place
from apps.projects.browsing.results import group_hits
from apps.projects.browsing.sources import show_source
from apps.projects.errors import NotLinked
from apps.projects.queries.files import FoundFile, files_page, find_file
from apps.projects.queries.history import commit_diff, commits_page, compare_refs, find_commit
from apps.projects.queries.search import Search, Target, search_project
from apps.projects.reading.content import LineRange
from apps.projects.reading.listing import Wanted
from apps.projects.reading.paths import path_of_key, shown_path, vet_path
from apps.projects.reading.refs import COMMIT_ID
from apps.projects.reading.search import Mode, Question
from apps.projects.states import FileKind
from apps.projects.views import ProjectFrame, frame_of

ENTRIES_SHOWN: Final = 500
COMMITS_SHOWN: Final = 50
NUMBER_DIGITS: Final = 9
GLOB_MAX_CHARS: Final = 255
QUERY_MAX_CHARS: Final = 200

Browsing = Callable[Concatenate[PageRequest, ProjectFrame, Place, ...], HttpResponse]


def browsed(tab: str) -> Callable[[Browsing], Callable[..., HttpResponse]]:
    """Return a decorator that gives a page its project's frame and the place of its `ref`.

    A project of which nothing is published yet shows what to do next.
    """

    def decorate(view: Browsing) -> Callable[..., HttpResponse]:
        @page("projects.view")
        def placed(request: PageRequest, /, project_id: uuid.UUID, **kwargs: Any) -> HttpResponse:
            frame = frame_of(request.actor, project_id, tab)
            try:
                place = open_place(frame.shown.project, request.GET.get("ref", ""))
            except NotLinked:
                return render(request, "projects/unpublished.html", {"frame": frame})
            return view(request, frame, place, **kwargs)

        return update_wrapper(require_safe(placed), view)

    return decorate


@browsed("files")
def files(request: PageRequest, frame: ProjectFrame, place: Place, path: str = "") -> HttpResponse:
    """Show a folder, or a file with its lines."""
    return _entry(request, frame, place, vet_path(path.removesuffix("/")))


@browsed("files")
def file_by_key(request: PageRequest, frame: ProjectFrame, place: Place, key: str) -> HttpResponse:
    """Show what an address cannot name by its path."""
    return _entry(request, frame, place, path_of_key(key))


def _entry(request: PageRequest, frame: ProjectFrame, place: Place, path: bytes) -> HttpResponse:
    context = {
        "frame": frame,
        "place": place,
        "crumbs": place.crumbs(path),
        "path": shown_path(path) or "",
        "choices": place.choices(),
        "history": place.history_address(path),
    }
    found = find_file(place.project, place.commit, path) if path and place.commit else None
    if found is None or found.entry.kind is FileKind.DIR:
        return render(request, "projects/files.html", context | _folder(request, place, path))
    return render(request, "projects/file.html", context | _file(request, place, found))


def _folder(request: PageRequest, place: Place, path: bytes) -> dict[str, Any]:
    """Return what a folder's page shows: its entries past `after`, and the commit they are of."""
    after = request.GET.get("after", "")
    start = (after[:1] == "f", path_of_key(after[1:])) if after else None
    entries = files_page(place.project, place.commit, Wanted(path), after=start, limit=ENTRIES_SHOWN + 1)
    shown = entries[:ENTRIES_SHOWN]
    following = ""
    if len(entries) > ENTRIES_SHOWN:
        following = f"{'f' if shown[-1].place[0] else 'd'}{shown[-1].path_key}"
    commits = commits_page(place.project, place.commit, path=b"", skip=0, limit=1)
    return {
        "rows": [(entry, place.address(entry.path)) for entry in shown],
        "parent": place.address(path.rpartition(b"/")[0]) if path else "",
        "following": following,
        "latest": commits[0] if commits else None,
    }


def _file(request: PageRequest, place: Place, found: FoundFile) -> dict[str, Any]:
    """Return what a file's page shows: its facts, and its lines from `start` on."""
    file = found.read(LineRange())
    path = found.entry.path
    return {
        "file": file,
        "source": show_source(file, start=_number(request, "start", 1)) if file.content is not None else None,
        "raw": place.raw_address(path) if file.kind is not FileKind.SUBMODULE else "",
        "permalink": place.address(path, ref=place.commit),
    }


@browsed("search")
def search(request: PageRequest, frame: ProjectFrame, place: Place) -> HttpResponse:
    """Search the project's code, or the names of its files."""
    text = request.GET.get("q", "")[:QUERY_MAX_CHARS]
    context: dict[str, Any] = {
        "frame": frame,
        "place": place,
        "choices": place.choices(),
        "modes": [(mode.value, mode.value.capitalize()) for mode in Mode],
        "asked": request.GET,
        "q": text,
    }
    if text:
        try:
            wanted = _wanted(request, place, text)
            take_for(request.actor.caller, "search")
            found = search_project(request.actor, place.project, wanted)
            context |= {"found": found, "groups": group_hits(place, found, wanted.question)}
        except (Invalid, Throttled) as error:
            context["refusal"] = error.errors[0].detail if error.errors else error.detail
    return render(request, "projects/search.html", context)


def _wanted(request: PageRequest, place: Place, text: str) -> Search:
    """Return what the form of the page asks for; raises Invalid."""
    asked = request.GET
    mode = asked.get("mode", "")
    language = asked.get("language", "").strip()
    return Search(
        question=Question(
            text, Mode(mode) if mode in {*Mode} else Mode.LITERAL, is_case_sensitive="case" in asked
        ),
        target=Target.PATH if asked.get("in") == Target.PATH else Target.CODE,
        ref=place.commit,
        glob=asked.get("path", "").strip()[:GLOB_MAX_CHARS],
        languages=frozenset({language} if language else ()),
    )


@browsed("commits")
def commits(request: PageRequest, frame: ProjectFrame, place: Place) -> HttpResponse:
    """Show commits, newest first: all of a ref, or those that changed a path."""
    path = request.GET.get("path", "")
    # A page that follows goes on from where the first one began, whatever is published meanwhile.
    start = request.GET.get("start", "")
    start = start if COMMIT_ID.fullmatch(start) else place.commit
    skip = _number(request, "skip", 0)
    rows = commits_page(place.project, start, path=vet_path(path), skip=skip, limit=COMMITS_SHOWN + 1)
    context = {
        "frame": frame,
        "place": place,
        "choices": place.choices(),
        "path": path,
        "crumbs": place.crumbs(vet_path(path)),
        "start": start,
        "commits": rows[:COMMITS_SHOWN],
        "next_skip": skip + COMMITS_SHOWN if len(rows) > COMMITS_SHOWN else None,
        "previous_skip": max(0, skip - COMMITS_SHOWN) if skip else None,
    }
    return render(request, "projects/commits.html", context)


@browsed("commits")
def commit(request: PageRequest, frame: ProjectFrame, place: Place, sha: str) -> HttpResponse:
    """Show one commit with what it changed against its first parent."""
    found = find_commit(place.project, sha)
    at = Place(place.project, found.id, found.id, found.id)
    context = {
        "frame": frame,
        "place": at,
        "commit": found,
        "diff": show_diff(at, commit_diff(place.project, found)),
    }
    return render(request, "projects/commit.html", context)


@browsed("commits")
def compare(request: PageRequest, frame: ProjectFrame, place: Place) -> HttpResponse:
    """Compare two refs, below a path if one is named."""
    base, head = request.GET.get("base", ""), request.GET.get("head", "")
    path = request.GET.get("path", "")
    context: dict[str, Any] = {
        "frame": frame,
        "place": place,
        "choices": place.choices(),
        "base": base,
        "head": head,
        "path": path,
    }
    if base:
        try:
            found = compare_refs(place.project, base, head, path=vet_path(path))
            at = Place(place.project, found.head, found.head, found.head)
            context |= {"found": found, "diff": show_diff(at, found)}
        except DomainError as error:
            context["refusal"] = error.detail
    return render(request, "projects/compare.html", context)


def _number(request: PageRequest, name: str, default: int) -> int:
    """Return a number of the address, the default for what is none."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS else default
