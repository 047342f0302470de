"""The REST endpoints of projects."""
