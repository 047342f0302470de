"""What all calls of the map share."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse

from apps.common.answers import Answer
from apps.common.errors import Invalid, NotFound
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.datasets.models import Dataset
from apps.spatial.api.parameters import hex_query
from apps.spatial.map_figures import cells_served
from apps.spatial.models import Area
from apps.spatial.sources import HexQuery, Source


class MapViewSet(ResourceViewSet[Dataset]):
    """Answers over the versions of datasets that parameters name."""

    queryset = Dataset.objects.all()
    permission = "spatial.view"
    limit = "map"

    def validated_query(self) -> dict[str, Any]:
        """Return the checked query; raises Invalid, but NotFound to who names a dataset they may not see."""
        try:
            return super().validated_query()
        except Invalid:
            self.refuse_strangers(self.request.query_params.getlist("dataset"))
            raise

    def asked(self, values: dict[str, Any]) -> HexQuery:
        """Return the question of checked values; raises SelectionInvalid, NotFound for a foreign area."""
        named = values.get("area")
        if named is None:
            return hex_query(values)
        area = Area.objects.visible_to(self.actor).filter(pk=named).first()
        if area is None:
            raise NotFound(f"There is no area {named}.")
        return hex_query(values, area=area)

    def refuse_strangers(self, named: Sequence[Any]) -> None:
        """Raise NotFound if one of the datasets is not the actor's to see."""
        ids = {uuid.UUID(text) for text in named if isinstance(text, str) and UUID_PATTERN.fullmatch(text)}
        if self.get_queryset().filter(pk__in=ids).count() < len(ids):
            raise NotFound from None


def answered(answer: Answer, sources: Sequence[Source]) -> HttpResponse:
    """Return the response of an answer; `Sextant-Version` names the version that was asked for."""
    headers: dict[str, Any] = {
        "ETag": answer.etag,
        "Sextant-Version": ", ".join(str(source.version.number) for source in sources),
        "Sextant-Rows": str(answer.rows),
    }
    cells_served.inc(answer.rows)
    return HttpResponse(answer.body, content_type=answer.media_type, headers=headers)
