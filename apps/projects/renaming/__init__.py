"""Renames: from a tree of sources and a wish to edits with their degree of certainty; pure, no tables.

values       what goes in and comes out
analysing    analyse(...): exports the sources, asks both engines, sorts what they say into buckets
checking     check_selection(...): what of the selection would break code
writing      apply_edits(...): byte edits of one file
patching     the patch of the selection, as `git diff --binary --full-index` writes it
"""
