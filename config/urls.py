"""Every root of the installation; the apps own what lies below."""

from allauth.account import views as account_views
from django.contrib import admin
from django.urls import include, path

from apps.common import health
from apps.common.problems import problem_page

handler400 = "apps.common.problems.handle_400"
handler403 = "apps.common.problems.handle_403"
handler404 = "apps.common.problems.handle_404"
handler500 = "apps.common.problems.handle_500"

urlpatterns = [
    path("", include("apps.accounts.urls")),
    path("", include("apps.datasets.urls")),
    path("", include("apps.spatial.urls")),
    # Of allauth only the pages that there is a design for; the rest comes with the issue that needs it.
    path("accounts/login/", account_views.login, name="account_login"),
    path("accounts/logout/", account_views.logout, name="account_logout"),
    path("accounts/signup/", account_views.signup, name="account_signup"),
    path("readyz", health.readiness, name="readiness"),
    path("healthz", health.health, name="health"),
    path("metrics", health.metrics, name="metrics"),
    path("api/v1/health", health.readiness, name="api-health"),
    path("problems/<str:code>", problem_page, name="problem"),
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
]
