"""What operators see and do of areas; models and predictions stand in a module of their own."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.permissions import system_actor
from apps.common.admin import ReadOnlyAdmin
from apps.spatial import forecast_admin  # noqa: F401 - importing registers its tables
from apps.spatial.area_services import delete_area
from apps.spatial.models import Area


@admin.register(Area)
class AreaAdmin(ReadOnlyAdmin):
    """Areas of all organizations."""

    list_display = ("name", "organization", "box", "created_at")
    search_fields = ("name", "organization__slug")
    list_select_related = ("organization",)
    ordering = ("-created_at", "pk")
    actions = ["delete_chosen"]

    @admin.action(description="Delete")
    def delete_chosen(self, request: HttpRequest, rows: QuerySet[Area]) -> None:
        """Delete the chosen areas."""
        self.each(request, rows, lambda row: delete_area(actor=system_actor(row.organization), area=row))
