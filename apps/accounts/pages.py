"""The guard of every page for people: signed in, and allowed in the active organization."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import cache_control

from apps.accounts.permissions import Actor, require
from apps.accounts.queries import CappedCount, count_unread

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A page's request: `actor` is who is signed in, in the active organization."""

    actor: Actor


PageView = Callable[Concatenate[PageRequest, P], HttpResponse]


def unread_notices(request: HttpRequest) -> dict[str, Any]:
    """Give templates the number of unread notices.

    Nothing is asked before a template shows it: pages of errors are made without a database.
    """
    return {"unread_notices": SimpleLazyObject(lambda: _count_unread_of(request.user.pk))}


def _count_unread_of(user_id: uuid.UUID | None) -> CappedCount:
    """Return a user's number, none for a guest."""
    return count_unread(user_id) if user_id else CappedCount(0, is_capped=False)


def page(permission: str) -> Callable[[PageView[P]], PageView[P]]:
    """Return a decorator that sends strangers to the sign-in and requires `permission` of members.

    Pages hold private figures, so no cache keeps them.
    """

    def decorate(view: PageView[P]) -> PageView[P]:
        @wraps(view)
        @login_required
        @cache_control(private=True, no_cache=True)
        def guarded(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            require(request.actor, permission)
            return view(request, *args, **kwargs)

        # What the page declares: the matrix of tests tries it with every role.
        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate
