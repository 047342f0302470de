"""The pages of notices: the list behind the bell, and by which ways each kind arrives."""

import uuid
from typing import Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import queries, services
from apps.accounts.models import Notification, User
from apps.accounts.pages import PageRequest, page
from apps.accounts.services import PreferenceChange
from apps.common.serializers import parse_instant

NOTICES_PER_PAGE: Final = 25


@require_safe
@page("accounts.view")
def notification_list(request: PageRequest) -> HttpResponse:
    """Show the user's notices, the newest first."""
    only_unread = request.GET.get("unread") == "true"
    notices = Notification.objects.of_user(_user(request)).in_app().select_related("organization")
    if only_unread:
        notices = notices.unread()
    rows = Paginator(notices.order_by("-created_at", "-pk"), NOTICES_PER_PAGE)
    context = {"page": rows.get_page(request.GET.get("page")), "only_unread": only_unread}
    return render(request, "notifications/list.html", context)


@require_POST
@page("accounts.view")
def change_notice(request: PageRequest, notice_id: uuid.UUID) -> HttpResponse:
    """Mark a notice as read or unread, delete it, or open the page that it tells of."""
    user = _user(request)
    own = Notification.objects.of_user(user).in_app().select_related("organization")
    notice = get_object_or_404(own, pk=notice_id)
    action = request.POST.get("action")
    if action == "delete":
        services.delete_notice(user=user, notice=notice)
    else:
        services.set_read(user=user, notice=notice, is_read=action != "unread")
    if action == "open" and notice.page:
        return redirect(notice.page)
    return redirect("accounts:notifications")


@require_POST
@page("accounts.view")
def read_all(request: PageRequest) -> HttpResponse:
    """Mark as read what was there when the page was made."""
    try:
        before = parse_instant(request.POST.get("before", ""))
    except ValueError:
        before = None
    services.read_all_notices(user=_user(request), before=before)
    return redirect("accounts:notifications")


@require_http_methods(["GET", "HEAD", "POST"])
@page("accounts.view")
def notification_preferences(request: PageRequest) -> HttpResponse:
    """Show and change by which ways each kind of notice arrives."""
    user = _user(request)
    held = queries.notice_preferences(user)
    if request.method == "POST":
        ticked = set(request.POST.getlist("way"))
        changes = [
            PreferenceChange(
                kind=each.kind, in_app=f"{each.kind}:in_app" in ticked, email=f"{each.kind}:email" in ticked
            )
            for each in held
            if not each.is_security
        ]
        services.set_notice_preferences(user=user, changes=changes)
        messages.success(request, "Your choice is kept.")
        return redirect("accounts:notification-preferences")
    return render(request, "notifications/preferences.html", {"preferences": held})


def _user(request: PageRequest) -> User:
    """Return who is signed in: pages know no other actor."""
    user: User = request.user  # type: ignore[assignment]
    return user
