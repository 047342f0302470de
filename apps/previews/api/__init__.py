"""The REST endpoints of previews."""
