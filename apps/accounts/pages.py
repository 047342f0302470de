"""What every page for people shares: its guard, and the frame around it."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import cache_control, never_cache

from apps.accounts.models import Membership
from apps.accounts.permissions import Actor, require
from apps.accounts.queries import CappedCount, count_unread
from apps.common.errors import DomainError

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A page's request: `actor` is who is signed in, in the active organization, one of `memberships`."""

    actor: Actor
    memberships: list[Membership]


PageView = Callable[Concatenate[PageRequest, P], HttpResponse]


def page_frame(request: HttpRequest) -> dict[str, Any]:
    """Give templates who acts, None without an organization to act in, and the number of unread notices.

    Nothing is asked before a template shows it: pages of errors are made without a database.
    """
    return {
        "actor": SimpleLazyObject(lambda: _shown_actor(request)),
        "unread_notices": SimpleLazyObject(lambda: _count_unread_of(request.user.pk)),
    }


def _shown_actor(request: HttpRequest) -> Actor | None:
    """Return who acts; somebody without an organization still has pages of their own account."""
    actor: Actor | None = getattr(request, "actor", None)
    try:
        return actor if actor else None
    except DomainError:
        return None


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


def personal_page(view: PageView[P]) -> PageView[P]:
    """Send strangers to the sign-in; whoever is signed in may look: the page is about their own account.

    It works without an organization to act in, so it must not ask who acts.
    """
    guarded: Any = login_required(never_cache(view))
    guarded.permission = ""
    return guarded  # type: ignore[no-any-return]
