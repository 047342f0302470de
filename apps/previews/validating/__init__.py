"""Judging what was uploaded: the job, and what follows when it ends."""
