"""What several parts of projects raise."""

from apps.common.errors import Conflict, Malformed, Unavailable


class ProjectArchived(Conflict):
    """The project is archived; it takes no changes."""

    code = "projects.archived"


class NotLinked(Conflict):
    """The project mirrors no repository."""

    code = "projects.not_linked"


class PathInvalid(Malformed):
    """This is no path of a file in a git tree."""

    code = "projects.path_invalid"


class GitMissing(Unavailable):
    """The program git is not installed on this server."""

    code = "projects.git_missing"


class GitFailed(Unavailable):
    """git ended with an error."""

    code = "projects.git_failed"


class ExternalAiOff(Conflict):
    """The project's code may not leave this server, so no language model is asked.

    Whoever owns the project can allow it in its settings.
    """

    code = "projects.external_ai_off"


class ModelUnavailable(Unavailable):
    """No language model gave an answer that could be used; ask for the structural engine instead."""

    code = "projects.ai_unavailable"


class JobAlreadyCompleted(Conflict):
    """This has ended already."""

    code = "projects.job_already_completed"
