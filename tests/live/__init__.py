"""Tests of live events: one file per behaviour."""
