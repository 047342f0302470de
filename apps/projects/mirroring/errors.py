"""What ends a run of a mirror, beside what git says."""

from apps.common.errors import Conflict


class BranchMissing(Conflict):
    """The branch that the project follows is not in the repository."""

    code = "projects.branch_missing"

    def __init__(self, branch: str) -> None:
        super().__init__()
        self.branch = branch
