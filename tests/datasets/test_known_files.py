"""The two real files give exactly the figures that places-maps.md section 8 states."""

from collections.abc import Callable

import pytest

from apps.datasets.models import Event, Reject
from tests.datasets.stories import LONDON, QUAKES, add, counts, made, upload
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(not LONDON.exists(), reason=f"{LONDON} is not there")
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("keep_all", (9_298, 8_501, 797, 0)),
        ("occurrence", (9_298, 8_501, 797, 0)),
        ("exact", (9_298, 8_413, 797, 88)),
        ("external_id_first", (9_298, 8_357, 797, 144)),
        ("external_id_last", (9_298, 8_357, 797, 144)),
    ],
)
def test_london_under_every_policy(
    actors: Actors, run_jobs: Callable[[], int], policy: str, expected: tuple[int, int, int, int]
) -> None:
    file = upload(LONDON.read_bytes(), LONDON.name)

    dataset, row = made(actors.key, run_jobs, file, name="London", zone="Europe/London", duplicates=policy)

    assert counts(row) == expected
    assert dataset["event_count"] == expected[1] == Event.objects.count()
    files = actors.key.api.get(f"/api/v1/imports/{row['id']}/files").json()
    assert [f["rejected"] for f in files] == [45, 58, 59, 56, 27, 63, 68, 92, 95, 71, 71, 92]
    assert all(f["rows_read"] == f["accepted"] + f["rejected"] + f["duplicates"] for f in files)
    if policy == "keep_all":
        version = actors.key.api.get(f"/api/v1/datasets/{dataset['id']}/versions/1").json()
        assert version["occupied"] == [3, 3, 3, 8, 19, 50, 120, 243, 328]
        again = add(actors.key, dataset["id"], upload(LONDON.read_bytes(), LONDON.name), mode="append")
        assert again.status_code == 202  # an analyst key publishes into the datasets it made


@pytest.mark.skipif(not LONDON.exists(), reason=f"{LONDON} is not there")
def test_london_again_with_append_is_unchanged(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, _ = made(actors.manager, run_jobs, upload(LONDON.read_bytes()), name="L", zone="Europe/London")

    started = add(actors.manager, dataset["id"], upload(LONDON.read_bytes()), mode="append").json()
    run_jobs()

    row = actors.manager.api.get(f"/api/v1/imports/{started['id']}").json()
    assert (row["outcome"], counts(row)) == ("unchanged", (9_298, 0, 797, 8_501))
    first_lines = [
        Reject.objects.filter(file_no=n, kind="rejected").order_by("line").values_list("line", flat=True)[0]
        for n in (1, 10, 12)
    ]
    assert first_lines == [676, 782, 753]


@pytest.mark.skipif(not QUAKES.exists(), reason=f"{QUAKES} is not there")
def test_earthquakes_with_both_formats_and_exact_duplicates(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    dataset, row = made(actors.manager, run_jobs, upload(QUAKES.read_bytes()), name="Q", duplicates="exact")

    assert counts(row) == (23_412, 23_410, 0, 2)
    assert dataset["precision_counts"] == {"0": 3, "1": 23_407}
    pairs = Reject.objects.order_by("line").values_list("line", "kept_line")
    assert list(pairs) == [(1_851, 1_850), (7_968, 7_963)]
    assert dataset["extent"] == [-179.997, -77.08, 179.998, 86.005]
