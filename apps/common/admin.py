"""The base of every table in the admin: rows to look at, and actions that are service calls."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.common.errors import DomainError

# Generic in its stubs only.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Rows to look at: what changes them is an action, so that no rule of a service is bypassed."""

    list_per_page = 50
    show_full_result_count = False
    # Leads from a row to its organization, in whose audit it is noted that an operator looked at the row.
    organization_path = "organization"

    def organization_of(self, row: Any) -> Any:
        """Return the organization that a row belongs to, None if it has none."""
        for name in self.organization_path.split("."):
            row = getattr(row, name, None)
        return row

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: rows come from services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: fields are shown, not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: deleting is an action of its own where it exists."""
        return False

    def has_action_permission(self, request: HttpRequest) -> bool:
        """Let staff act."""
        return request.user.is_staff

    def each(self, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], object]) -> None:
        """Do something with each chosen row and say how it went."""
        done = 0
        for row in rows:
            try:
                act(row)
                done += 1
            except DomainError as error:
                self.message_user(request, f"{row}: {error.detail}", messages.ERROR)
        if done:
            self.message_user(request, f"Done for {done}.", messages.SUCCESS)
