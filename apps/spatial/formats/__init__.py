"""Answers as bytes, by format: JSON in three shapes, sequences of features, CSV, Arrow, GeoParquet."""

from enum import StrEnum
from typing import Final

from apps.spatial.formats.citations import citation, header_of
from apps.spatial.formats.documents import (
    cell_rows,
    encode_columns,
    encode_features,
    encode_rows,
    encode_sequence,
    named_rows,
)
from apps.spatial.formats.tables import encode_table
from apps.spatial.formats.values import h3_texts, value_columns, value_rows
from apps.spatial.formats.writers import TableFormat
from apps.spatial.hexes import HexAnswer

__all__ = [
    "MEDIA_TYPES",
    "AnswerFormat",
    "cell_rows",
    "citation",
    "encode_answer",
    "h3_texts",
    "header_of",
    "named_rows",
    "value_columns",
    "value_rows",
]


class AnswerFormat(StrEnum):
    """The forms of an answer, by the `format` parameter."""

    JSON = "json"
    COLUMNS = "columns"
    GEOJSON = "geojson"
    GEOJSONSEQ = "geojsonseq"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


MEDIA_TYPES: Final = {
    AnswerFormat.JSON: "application/json",
    AnswerFormat.COLUMNS: "application/vnd.sextant.columns+json",
    AnswerFormat.GEOJSON: "application/geo+json",
    AnswerFormat.GEOJSONSEQ: "application/geo+json-seq",
    AnswerFormat.CSV: "text/csv",
    AnswerFormat.ARROW: "application/vnd.apache.arrow.stream",
    AnswerFormat.PARQUET: "application/vnd.apache.parquet",
}

_DOCUMENTS: Final = {
    AnswerFormat.JSON: encode_rows,
    AnswerFormat.COLUMNS: encode_columns,
    AnswerFormat.GEOJSON: encode_features,
    AnswerFormat.GEOJSONSEQ: encode_sequence,
}


def encode_answer(answer: HexAnswer, form: AnswerFormat) -> bytes:
    """Return the answer in a format; the same answer gives the same bytes. Raises TooExpensive."""
    if form in _DOCUMENTS:
        return _DOCUMENTS[form](answer)
    return encode_table(answer, TableFormat(form.value))
