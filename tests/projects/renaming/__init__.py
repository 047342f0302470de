"""The rename engine: what it finds, and that what it calls certain breaks nothing."""
