"""The format of an answer: by the parameter `format`, else by the Accept header."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class FormatNegotiation(DefaultContentNegotiation):
    """Chooses by `format`, else by Accept; a wrong `format` is left to the parameters' check."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and its media type; raises NotAcceptable."""
        asked = request.query_params.get("format")
        if asked is None:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
            return chosen
        offered = list(renderers)
        renderer = next((each for each in offered if each.format == asked), offered[0])
        return renderer, renderer.media_type
