"""What stands for each format in the choice by `format` and Accept; the bytes are made by `formats`."""

from typing import Final

from rest_framework.renderers import JSONRenderer

from apps.spatial.formats import MEDIA_TYPES, AnswerFormat

BINARY_FORMATS: Final = (
    AnswerFormat.GEOJSONSEQ,
    AnswerFormat.CSV,
    AnswerFormat.ARROW,
    AnswerFormat.PARQUET,
)
# Those with no place for the citation beside the rows: it goes into a header.
UNCITED_FORMATS: Final = frozenset({AnswerFormat.GEOJSONSEQ, AnswerFormat.CSV})


def renderer_of(form: AnswerFormat) -> type[JSONRenderer]:
    """Return the renderer of a format; errors are JSON in each."""
    names = {"media_type": MEDIA_TYPES[form], "format": form.value}
    return type(f"{form.name.title()}Renderer", (JSONRenderer,), names)
