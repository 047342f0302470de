"""The edge types that are known (section 3 of the format page); any other is of the category `other`."""

from typing import Final

CATEGORIES: Final = {
    "drills_to": "breakdown",
    "segments_into": "breakdown",
    "decomposes_to": "breakdown",
    "aggregates_from": "breakdown",
    "trends_to": "temporal",
    "relates_to": "semantic",
    "explains": "semantic",
    "supports": "semantic",
    "contradicts": "semantic",
    "derives_to": "semantic",
    "potentially_driven_by": "semantic",
    "potential_driver_of": "semantic",
}
