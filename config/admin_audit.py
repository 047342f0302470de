"""What operators look at and send in the admin, recorded in one place, whatever page it is."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.accounts.models import Organization
from apps.accounts.services import operating, record_audit
from apps.common.admin import ReadOnlyAdmin
from config.admin import SextantAdminSite

SELECTED_MAX = 100

View = Callable[..., HttpResponseBase]


class AuditedAdminSite(SextantAdminSite):
    """Records each page that staff see and each form they send; the acts of services inside are theirs."""

    def admin_view(self, view: View, cacheable: bool = False) -> Any:
        """Return the guarded view; what may be cached holds no data and is not recorded."""
        guarded = super().admin_view(view, cacheable)
        if cacheable:
            return guarded

        @functools.wraps(guarded)
        def recorded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                return guarded(request, *args, **kwargs)  # the way to the sign-in
            with operating(request.user):  # type: ignore[arg-type]  # staff are users
                # Before the view: a row that it deletes is still there.
                row = _row(view, kwargs.get("object_id"))
                response: HttpResponseBase = guarded(request, *args, **kwargs)
                _record(request, response, view, row)
            return response

        return recorded


def _record(request: HttpRequest, response: HttpResponseBase, view: View, row: Model | None) -> None:
    """Write the entry of a page that was shown, or of a form that was taken."""
    if request.method == "GET":
        verb, is_done = "admin.viewed", response.status_code == 200  # noqa: PLR2004
        # Only the names of parameters: what was searched for may be a person, and entries are for good.
        changes: dict[str, Any] = {"path": request.path, "parameters": sorted(request.GET)}
    else:
        verb, is_done = "admin.acted", response.status_code < 400  # noqa: PLR2004
        selected = request.POST.getlist("_selected_action")[:SELECTED_MAX]
        changes = {"path": request.path, "action": request.POST.get("action", ""), "selected": selected}
    if is_done:
        record_audit(
            actor=None, verb=verb, target=row, organization=_organization(view, row), changes=changes
        )


def _row(view: View, object_id: Any) -> Model | None:
    """Return the row that a page of a table is about."""
    table = getattr(view, "__self__", None)
    if object_id is None or not isinstance(table, admin.ModelAdmin):
        return None
    try:
        row: Model | None = table.model._base_manager.filter(pk=unquote(str(object_id))).first()  # noqa: SLF001
    except (ValidationError, ValueError):
        return None  # not even an id
    return row


def _organization(view: View, row: Model | None) -> Organization | None:
    """Return whose data a page showed; lists and pages of the installation belong to none."""
    table = getattr(view, "__self__", None)
    owner = table.organization_of(row) if row is not None and isinstance(table, ReadOnlyAdmin) else None
    return owner if isinstance(owner, Organization) else None
