"""Parameters of map calls: their fields are made once per class and shared by all requests."""

import uuid

from django.http import QueryDict

from apps.spatial.api.parameters import HexesParameters, TileParameters


def test_requests_share_the_fields_and_nothing_that_was_sent() -> None:
    good = HexesParameters(data=QueryDict(f"dataset={uuid.UUID(int=7)}&resolution=7&label=a&from=2023-01-01"))
    bad = HexesParameters(data=QueryDict("resolution=99"))

    assert not bad.is_valid()
    assert good.is_valid()
    assert good.fields is bad.fields
    assert set(bad.errors) == {"dataset", "resolution"}
    assert (good.validated_data["resolution"], good.validated_data["label"]) == (7, ["a"])
    assert bad.initial_data["resolution"] == "99"


def test_each_call_has_its_own_fields() -> None:
    assert "bbox" in HexesParameters().fields
    assert {"v", "measure"} <= set(TileParameters().fields)
    assert not {"bbox", "area", "cell", "include", "estimate"} & set(TileParameters().fields)
