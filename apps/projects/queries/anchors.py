"""Where anchored lines are in another commit."""

from collections.abc import Sequence

from apps.projects.manifests.anchors import Anchor
from apps.projects.manifests.reanchoring import Resolution, resolve_anchors
from apps.projects.models import Project
from apps.projects.reading.refs import published_mirror, resolve


def find_anchors(project: Project, ref: str, anchors: Sequence[Anchor]) -> tuple[str, list[Resolution]]:
    """Return the commit of a ref (empty: the published head) and where the anchors are in it, in their order.

    Raises NotFound, NotLinked, GitFailed.
    """
    commit = resolve(project, ref).commit
    return commit, resolve_anchors(published_mirror(project), commit, anchors)
