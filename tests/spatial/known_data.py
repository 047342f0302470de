"""The two real files as published datasets (places-maps.md section 8); tests skip where they are absent."""

import csv
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from apps.accounts.models import Organization
from apps.datasets.models import Dataset
from apps.datasets.reading.rows import Precision
from tests.factories.datasets import EventRow, published_dataset

FOLDER: Path = settings.BASE_DIR.parent / "shared" / "data"
LONDON_FILE = "uk-city-of-london-2023.zip"
EARTHQUAKES_FILE = "usgs-significant-earthquakes-1965-2016.csv"
LONDON = ZoneInfo("Europe/London")


def _content(name: str) -> bytes:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the project")
    return path.read_bytes()


def london(organization: Organization, *, segments: int = 1) -> Dataset:
    """Publish the accepted rows of the street file: those with coordinates, by month."""
    rows = []
    with zipfile.ZipFile(io.BytesIO(_content(LONDON_FILE))) as archive:
        for name in sorted(archive.namelist()):
            text = archive.read(name).decode()
            for row in csv.DictReader(text.splitlines()):
                if row["Latitude"] and row["Longitude"]:
                    month = datetime.fromisoformat(f"{row['Month']}-01").replace(tzinfo=LONDON)
                    place = (float(row["Latitude"]), float(row["Longitude"]))
                    rows.append(EventRow(*place, month.astimezone(UTC), row["Crime type"], Precision.MONTH))
    return published_dataset(
        rows, organization=organization, name="London", zone="Europe/London", segments=segments
    )


def earthquakes(organization: Organization, *, segments: int = 1) -> Dataset:
    """Publish the earthquakes: days, and three instants."""
    rows = []
    for row in csv.DictReader(_content(EARTHQUAKES_FILE).decode().splitlines()):
        text = row["Date"]
        is_day = "T" not in text
        moment = datetime.strptime(text, "%m/%d/%Y") if is_day else datetime.fromisoformat(text)  # noqa: DTZ007
        precision = Precision.DAY if is_day else Precision.INSTANT
        place = (float(row["Latitude"]), float(row["Longitude"]))
        at = moment.replace(tzinfo=UTC)
        rows.append(EventRow(*place, at, "event", precision, float(row["Magnitude"])))
    return published_dataset(rows, organization=organization, name="Earthquakes", segments=segments)
