"""The REST API of spatial."""
