"""Mirrors kept in step with their remotes (projects.md section 3).

schedule     when a mirror is due next, and why; pure
refs         names, digests and differences of refs; which one is tracked; pure but for reading a snapshot
attempt      one claim of a run: its fence, stages, beats
syncing      the stages of clone, fetch, reclone and manifest runs, in order
generations  folders of repositories: made, measured, swept, repacked
tips         what was rewritten or deleted stays readable
publishing   the one transaction that switches what readers see
settling     what a failed run means for its mirror
verifying    whether all objects are there
queueing     one live run per mirror: queue it, or join it
job          the declared jobs
"""
