"""The live topic of a project, for whoever sees it."""

from apps.accounts.permissions import Actor
from apps.common.live import register_topic
from apps.projects.announcing import PROJECTS
from apps.projects.models import Project


def register() -> None:
    """Declare it; called once, when the app is ready."""
    register_topic(pattern=f"{PROJECTS}.<id>", permission="projects.view", visible=_is_there)


def _is_there(watcher: Actor, key: str) -> bool:
    """Tell whether the watcher sees a project; raises ValidationError for what is no id."""
    return Project.objects.visible_to(watcher).filter(pk=key).exists()
