"""The one AdminSite: for staff who operate the installation."""

from importlib import import_module
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from apps.common.errors import Forbidden

# django-celery-beat brings pages on which rows are edited as they are; ours checks and records.
REPLACED: Final = ("PeriodicTask", "IntervalSchedule", "CrontabSchedule", "SolarSchedule", "ClockedSchedule")


class SextantAdminSite(admin.AdminSite):
    """Django's admin under the product's name."""

    site_header = "Sextant operations"
    site_title = "Sextant"
    index_title = "Installation"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send to the one sign-in there is, which counts failures; raises Forbidden for who is no staff."""
        index = reverse("admin:index")
        if self.has_permission(request):
            return HttpResponseRedirect(index)
        if request.user.is_authenticated:
            raise Forbidden("Only the staff of this installation may enter here.")
        target = {REDIRECT_FIELD_NAME: request.GET.get(REDIRECT_FIELD_NAME, index)}
        return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode(target)}")


class SextantAdminConfig(AdminConfig):
    """Makes the site above the default one, with a record of what is done there."""

    # Modules of their own, because what they show and record needs the models, which are loaded after this.
    default_site = "config.admin_home.OperationsSite"

    def ready(self) -> None:
        """Register all pages, and the schedule's in place of those of its library."""
        if settings.ROLE == "worker":
            return  # it shows none, and holds 3 MB less
        super().ready()
        admin.site.unregister([apps.get_model("django_celery_beat", name) for name in REPLACED])
        import_module("config.schedule_admin")
