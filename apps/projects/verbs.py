"""What the audit says of acts on projects."""

from typing import Final

VERBS: Final[dict[str, str]] = {
    # Code jobs
    "projects.external_job_started": "A code job was started that may ask a language model",
}
