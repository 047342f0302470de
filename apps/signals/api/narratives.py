"""The endpoints of narratives."""

from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.viewsets import ResourceViewSet
from apps.signals.api import narrative_serializers as out
from apps.signals.api.keyset import page_of, place_of
from apps.signals.models import Run
from apps.signals.narratives import Narrative, parse_narrative
from apps.signals.queries.choices import chosen_runs
from apps.signals.queries.narratives import NarrativeText, find_narrative, narrative_page

PLACE_PARTS = 3
FACILITY = OpenApiParameter("facility_id", str, OpenApiParameter.PATH)


@dataclass(frozen=True, slots=True)
class ReadNarrative:
    """A narrative with where it comes from."""

    facility_id: str
    run: Run
    narrative: Narrative

    @classmethod
    def of(cls, text: NarrativeText) -> "ReadNarrative":
        """Return the values of a text."""
        return cls(text.facility_id, text.run, parse_narrative(text.body))


class NarrativeViewSet(ResourceViewSet[Run]):
    """What analytics wrote about facilities."""

    queryset = Run.objects.all()
    permission = "signals.view"
    serializer_class = out.NarrativeEntryOut
    query_serializer_classes = {
        "narratives": out.ChoicePageParameters,
        "narrative": out.ChoiceParameters,
        "summary": out.ChoiceParameters,
    }

    @extend_schema(responses=out.NarrativePageOut)
    def narratives(self, request: Request) -> Response:
        """Return the narratives of a run, or of the current ones, by facility."""
        asked = self.validated_query()
        rows = narrative_page(
            self._runs(asked), after=place_of(request, asked, PLACE_PARTS), limit=asked["page_size"] + 1
        )
        return Response(page_of(request, asked, rows, lambda page: self.answer(page, many=True)))

    @extend_schema(parameters=[FACILITY], responses=out.NarrativeOut)
    def narrative(self, request: Request, facility_id: str) -> Response:
        """Return what a run, by default the newest current one, says of a facility."""
        return Response(out.NarrativeOut(self._read(facility_id)).data)

    @extend_schema(parameters=[FACILITY], responses=out.NarrativeSummaryOut)
    def summary(self, request: Request, facility_id: str) -> Response:
        """Return the head of a facility's narrative."""
        return Response(out.NarrativeSummaryOut(self._read(facility_id)).data)

    def _read(self, facility_id: str) -> ReadNarrative:
        return ReadNarrative.of(find_narrative(self._runs(self.validated_query()), facility_id))

    def _runs(self, asked: dict[str, Any]) -> Any:
        return chosen_runs(self.actor, run=asked.get("run"), graph=asked.get("graph"))
