"""The REST API of signals."""
