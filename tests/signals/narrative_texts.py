"""A narrative as analytics writes one; tests change it in places."""

from pathlib import Path

TEXT = (Path(__file__).parent / "narrative.md").read_text()
