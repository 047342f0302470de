"""The statistics check: recompute the figures of a run folder from its values, name what is off. Pure."""
