"""Management commands of the installation itself."""
