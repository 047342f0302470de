"""Tests of the wiring and of the commands."""
