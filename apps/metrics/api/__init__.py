"""The REST API of metrics."""
