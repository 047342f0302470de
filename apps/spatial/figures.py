"""What spatial counts of itself for `/metrics`. No label names an organization or a dataset."""

from typing import Final

from prometheus_client import Counter

questions: Final = Counter("sextant_spatial_questions", "Questions in words, by outcome.", ["outcome"])
