"""What operators see and do of spatial: the tables of each noun stand in modules of their own."""

from apps.spatial import forecast_admin  # noqa: F401 - importing registers them
