"""Rename proposals: from a wish over decisions to one commit.

queueing     how proposals come to be: asked for, or as the child of one that went stale
wishing      what one asks for, as the analysis takes it; locating finds the symbol while somebody waits
sources      what of the base commit an analysis reads
analysing    the job `projects.rename`: sources -> analysis -> rows
recording    an analysis as rows, and back; inheriting keeps what was decided of a parent
patching     the tree and the patch of a selection, made beside the repository
previewing   patch and checks of what is chosen now
applying     the job `projects.apply`: the one commit and its ref
committing   tree, commit and ref out of a stored patch, in the published repository
restoring    applied commits that a repository lacks, made again
staleness    what a publication does to proposals
moving       every move of a proposal's state; settling follows the end of jobs
"""
