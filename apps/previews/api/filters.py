"""What the list of previews can be narrowed by."""

from apps.common.filters import StrictFilterSet, id_of, one_of
from apps.previews.models import Session
from apps.previews.states import Platform, SessionStatus


class PreviewSessionFilter(StrictFilterSet):
    """Previews by project, status and platform."""

    project_id = id_of("project")
    status = one_of(SessionStatus)
    platform = one_of(Platform)

    class Meta:
        model = Session
        fields: list[str] = []
