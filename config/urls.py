"""Every root of the installation; the apps own what lies below."""

from allauth.account import views as account_views
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import include, is_valid_path, path, re_path
from django.utils.http import escape_leading_slashes

from apps.accounts.account_views import sign_up
from apps.accounts.mcp.views import McpView
from apps.accounts.sign_in_views import SignInView
from apps.common import health
from apps.common.errors import NotFound
from apps.common.problems import problem_page
from config.api import without_slash

handler400 = "apps.common.problems.handle_400"
handler403 = "apps.common.problems.handle_403"
handler404 = "apps.common.problems.handle_404"
handler500 = "apps.common.problems.handle_500"


def with_slash(request: HttpRequest) -> HttpResponse:
    """Send somebody who typed a page's address without its last slash there; raises NotFound."""
    if not is_valid_path(f"{request.path_info}/"):
        raise NotFound
    address = escape_leading_slashes(f"{request.path}/")
    query = request.META.get("QUERY_STRING", "")
    return HttpResponsePermanentRedirect(f"{address}?{query}" if query else address)


urlpatterns = [
    # First, because addresses are tried in turn and most requests are for these.
    path("api/v1/health", health.readiness, name="api-health"),
    path("api/docs", with_slash),
    path("api/", include("config.api")),
    path("", include("apps.accounts.urls")),
    path("", include("apps.datasets.urls")),
    path("", include("apps.spatial.urls")),
    path("", include("apps.metrics.urls")),
    path("", include("apps.signals.urls")),
    path("", include("apps.projects.urls")),
    path("", include("apps.previews.urls")),
    # Of allauth only the pages that there is a design for; the rest comes with the issue that needs it.
    path("accounts/login/", SignInView.as_view(), name="account_login"),
    path("accounts/logout/", account_views.logout, name="account_logout"),
    path("accounts/signup/", sign_up, name="account_signup"),
    path("mcp", McpView.as_view(), name="mcp"),
    path("mcp/", without_slash),
    path("readyz", health.readiness, name="readiness"),
    path("healthz", health.health, name="health"),
    path("metrics", health.metrics, name="metrics"),
    path("problems/<str:code>", problem_page, name="problem"),
    path("admin/", admin.site.urls),
    # Django's APPEND_SLASH would do the same to addresses of the API, which have none.
    re_path(r"^(?!api(?:/|$)).*[^/]$", with_slash),
]
