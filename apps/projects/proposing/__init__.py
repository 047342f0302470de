"""Rename proposals: from a wish over decisions to one commit.

sources      what of the base commit an analysis reads
analysing    the job `projects.rename`: sources -> analysis -> rows
recording    an analysis as rows, and back
selecting    the edits that were chosen, and what blocks them
patching     the tree and the patch of a selection, made beside the repository
previewing   patch and checks of what is chosen now
applying     the job `projects.apply`: the one commit and its ref
committing   tree, commit and ref out of a stored patch, in the published repository
staleness    what a publication does to proposals
moving       every move of a proposal's state
telling      what watchers and starters hear
"""
