"""The jobs of projects, and what follows when one ends.

A worker may die between the end of a job and what follows: the rows are the truth, and the clock asks again.
"""

from apps.projects.documenting.indexing import run_index
from apps.projects.documenting.job import run_code_job

__all__ = ["run_code_job", "run_index"]
