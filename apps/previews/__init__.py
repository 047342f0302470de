"""Preview bundles: shared for minutes, by token."""
