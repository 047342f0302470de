"""Code projects: mirrors, files, manifests, documentation, renames."""
