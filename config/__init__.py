"""The wiring of the installation; imported by nobody."""
