"""Commands of signals."""
