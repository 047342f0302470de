"""Commands of previews."""
