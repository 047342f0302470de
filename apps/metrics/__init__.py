"""Metrics: points in, exact answers out."""
