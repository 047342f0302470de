"""Tests of the raw load."""
