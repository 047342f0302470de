"""What headers are called: synonyms of each field, and how well a header fits one."""

from typing import Final

from apps.datasets.reading.columns import words_of

_SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    "timestamp": (
        "timestamp", "time", "datetime", "date", "date time", "month", "year", "day", "when", "occurred",
        "occurred at", "occurred on", "occurrence date", "event time", "event date", "start", "start time",
        "start date", "started at", "created", "created at", "created date", "reported at", "report date",
        "incident date", "incident datetime", "observed at", "observed on", "crash date", "utc", "datum",
        "zeit", "zeitpunkt", "fecha", "data", "heure",
    ),
    "latitude": (
        "latitude", "lat", "y", "lat deg", "latitude deg", "gps lat", "gps latitude", "start lat",
        "geo lat", "decimal latitude", "breite", "breitengrad", "latitud", "latitudine",
    ),
    "longitude": (
        "longitude", "lon", "lng", "long", "x", "lon deg", "longitude deg", "gps lon", "gps lng",
        "gps longitude", "start lng", "start lon", "geo lon", "geo lng", "decimal longitude", "laenge",
        "länge", "laengengrad", "längengrad", "longitud", "longitudine",
    ),
    "geometry": (
        "geometry", "geom", "the geom", "wkt", "wkb", "geojson", "point", "shape", "geo", "location",
        "geo point",
    ),
    "category": (
        "category", "type", "kind", "class", "event", "event type", "crime", "crime type", "primary type",
        "offense", "offence", "offense type", "offence type", "incident type", "complaint type",
        "call type", "species", "group", "kategorie", "art", "categoria", "catégorie", "categoría", "tipo",
    ),
    "value": (
        "value", "risk", "score", "magnitude", "severity", "amount", "mag", "wert", "valor",
    ),
    "label": (
        "label", "name", "title", "description", "place", "location", "address", "note", "bezeichnung",
        "nombre", "nom",
    ),
    "external_id": (
        "id", "external id", "event id", "crime id", "case id", "incident id", "record id", "object id",
        "report id", "row id", "ticket id", "unique key", "unique id", "uuid", "guid", "case number",
        "incident number", "key", "uid", "reference", "reference number",
    ),
}  # fmt: skip
CONTAINED: Final = 0.6


def name_score(field: str, header: str) -> float:
    """Return 1 for a synonym of a field, 0.6 for a header that contains one as words, else 0."""
    words = words_of(header)
    synonyms = _SYNONYMS[field]
    joined = "".join(words)
    if any(joined == synonym.replace(" ", "") for synonym in synonyms):
        return 1.0
    spaced = f" {' '.join(words)} "
    return CONTAINED if any(len(synonym) > 1 and f" {synonym} " in spaced for synonym in synonyms) else 0.0
