"""What forecasts count of themselves at `/metrics`."""

from typing import Final

from prometheus_client import Histogram

BUCKETS_S: Final = (1, 5, 15, 60, 180, 600, 1_800)

train_seconds = Histogram(
    "sextant_spatial_train_seconds", "How long trainings that made an artifact took.", buckets=BUCKETS_S
)
