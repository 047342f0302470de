"""Template tags and filters that the pages of every product share; templates load them as `pages`."""

import datetime as dt
import json
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import template
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

# Bare names under which our modules import the browser libraries.
LIBRARIES: Final = {
    "h3-js": "vendor/h3-js/h3-js.es.js",
    "htmx.org": "vendor/htmx.org/htmx.esm.js",
    "maplibre-gl": "vendor/maplibre-gl/maplibre-gl.mjs",
    "topojson-client/feature": "vendor/topojson-client/feature.js",
    "topojson-client/mesh": "vendor/topojson-client/mesh.js",
    "tus-js-client": "vendor/tus-js-client/tus.min.js",
    "uplot": "vendor/uplot/uPlot.esm.js",
}

# Modules that import one another by relative address.
MAPPED: Final = ("js/", "vendor/topojson-client/")

TONES: Final = {
    "ready": "good",
    "succeeded": "good",
    "published": "good",
    "loaded": "good",
    "active": "good",
    "missing": "warn",
    "training": "busy",
    "processing": "busy",
    "running": "busy",
    "queued": "busy",
    "waiting": "warn",
    "failed": "bad",
}

_JSON_ESCAPES: Final = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


@register.simple_tag(takes_context=True)
def import_map(context: Context) -> SafeString:
    """Return the page's import map: bare library names, and our modules under their hashed names.

    A relative import resolves to the plain address of a module, which the map turns into the hashed one: so
    a module is cached for good and its importers need no rewriting.
    """
    imports = {name: static(path) for name, path in LIBRARIES.items()}
    hashed: dict[str, str] = getattr(staticfiles_storage, "hashed_files", {})
    imports |= {
        f"{settings.STATIC_URL}{name}": static(name) for name in sorted(hashed) if name.startswith(MAPPED)
    }
    document = json.dumps({"imports": imports}).translate(_JSON_ESCAPES)
    nonce = getattr(context["request"], "csp_nonce", "")
    return format_html(
        '<script type="importmap" nonce="{}">{}</script>',
        nonce,
        mark_safe(document),  # noqa: S308 - our own file names, escaped above
    )


@register.simple_tag
def page_data(value: Any, element_id: str) -> SafeString:
    """Return a JSON block that the page's module reads; data blocks run nothing, so they need no nonce."""
    return json_script(value, element_id)


@register.filter
def when(value: dt.datetime | str | None) -> str:
    """Show an instant in UTC; the browser turns it into the viewer's zone and keeps UTC as the hover text."""
    if not isinstance(value, dt.datetime):  # an attribute of None reaches filters as an empty text
        return "–"  # noqa: RUF001 - a dash for "none"
    utc = value.astimezone(dt.UTC)
    text = f"{utc:%-d %b %Y, %H:%M} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', f"{utc:%Y-%m-%dT%H:%M:%SZ}", text, text)


@register.filter
def day_in(value: dt.datetime | str | None, zone: str) -> str:
    """Show the day of an instant in a named zone, which is the data's and not the viewer's."""
    if not isinstance(value, dt.datetime):
        return "–"  # noqa: RUF001 - a dash for "none"
    utc = value.astimezone(dt.UTC)
    # `data-localized` keeps the browser from turning it into the viewer's zone.
    return format_html(
        '<time datetime="{}" title="{}" data-localized>{}</time>',
        f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        f"{utc:%-d %b %Y, %H:%M} UTC",
        f"{value.astimezone(ZoneInfo(zone)):%-d %b %Y}",
    )


@register.filter
def tone(status: str) -> str:
    """Return the colour family of a status, empty for a neutral one."""
    return TONES.get(status, "")


@register.filter
def share(part: float, whole: float) -> str:
    """Show a part of a whole in per cent with one decimal."""
    return f"{100 * part / whole:.1f} %" if whole else "–"  # noqa: RUF001 - a dash for "none"
