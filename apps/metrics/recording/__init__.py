"""Writing points: from a parsed request to one committed row, alone or with others that came meanwhile."""

from apps.metrics.recording.after import after_commit
from apps.metrics.recording.outcomes import Mode, Recorded, Submission, Untyped
from apps.metrics.recording.points import record_points
from apps.metrics.recording.writing import write_group

__all__ = ["Mode", "Recorded", "Submission", "Untyped", "after_commit", "record_points", "write_group"]
