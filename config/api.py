"""The REST API's routing: `/api/v1/<app's own>`, the OpenAPI document and its pages."""

from typing import NoReturn

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirectBase
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, include, path, re_path, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularYAMLAPIView

from apps.common.csp import CSP, build_policy
from apps.common.errors import NotFound
from config.segments import by_segment


class PermanentRedirect(HttpResponseRedirectBase):
    """308: the method and the body stay."""

    status_code = 308


@csrf_exempt
def without_slash(request: HttpRequest) -> HttpResponse:
    """Send an address with trailing slashes to the one without, if that exists; raises NotFound."""
    bare = request.path.rstrip("/")
    if resolve(bare).func is nothing_here:
        raise NotFound
    query = request.META.get("QUERY_STRING", "")
    return PermanentRedirect(f"{bare}?{query}" if query else bare)


@csrf_exempt
def nothing_here(request: HttpRequest) -> NoReturn:
    """Answer any other address below `/api/`; raises NotFound."""
    raise NotFound


def redoc(request: HttpRequest) -> HttpResponse:
    """Show the API reference, the one page with inline styles: ReDoc makes its own and takes no nonce."""
    response = render(request, "api/redoc.html")
    styles = {"style-src": [CSP.SELF, "'unsafe-inline'"]}
    response["Content-Security-Policy"] = build_policy(settings.SECURE_CSP | styles, nonce=None)
    return response


v1: list[URLPattern | URLResolver] = [
    path("", include("apps.accounts.api.urls")),
    path("", include("apps.datasets.api.urls")),
    path("", include("apps.spatial.api.urls")),
    path("", include("apps.metrics.api.urls")),
    path("", include("apps.signals.api.urls")),
    path("", include("apps.projects.api.urls")),
    path("", include("apps.previews.api.urls")),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi-json"),
    path("openapi.yaml", SpectacularYAMLAPIView.as_view(), name="openapi-yaml"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    by_segment("v1/", v1),
    path("docs/", TemplateView.as_view(template_name="api/swagger.html"), name="api-docs"),
    path("docs/redoc/", redoc, name="api-redoc"),
    re_path(r"^v1/.*[^/]/+$", without_slash),
    re_path(r"", nothing_here),
]
