"""Reads of signals that answer with more than rows."""
