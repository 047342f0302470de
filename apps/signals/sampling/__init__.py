"""Synthetic runs of any size: folders as a pipeline writes them, by the formulas and rules here. Pure."""
