"""The products of Sextant over one base."""
