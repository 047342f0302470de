"""Geo-event datasets: files in, immutable versions out."""
