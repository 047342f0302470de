"""The floor: a view that does nothing, in a Django without any middleware, on the same kind of server."""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path


def empty(_request: HttpRequest) -> HttpResponse:
    """Answer at once."""
    return HttpResponse(b"ok", content_type="text/plain", headers={"Content-Length": "2"})


urlpatterns = [path("empty", empty), path("livez", empty)]

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="signs nothing", MIDDLEWARE=[])
application = get_asgi_application()
