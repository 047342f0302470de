"""Management commands of metrics."""
