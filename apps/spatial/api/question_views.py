"""Questions in words."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.viewsets import ResourceViewSet
from apps.datasets.models import Dataset
from apps.spatial.api.question_serializers import QuestionIn, QuestionOut
from apps.spatial.asking.answering import ask_question


class QuestionViewSet(ResourceViewSet[Dataset]):
    """Questions in words about datasets: read, understood in full, answered with figures, or refused."""

    queryset = Dataset.objects.all()
    permission = "spatial.ask"
    limit = "map"
    serializer_class = QuestionOut
    # Nothing is written, and a language model must not be waited for in the transaction that keeps answers.
    remembers_answers = False

    @extend_schema(operation_id="questions_ask", request=QuestionIn, responses=QuestionOut)
    def ask(self, request: Request) -> Response:
        """Answer a question about a dataset; what is not understood in full is refused."""
        values: dict[str, Any] = self.validated(QuestionIn)
        answer = ask_question(
            actor=self.actor,
            question=values["question"],
            dataset_id=values.get("dataset"),
            lenient=values["lenient"],
            now=timezone.now(),
        )
        return Response(
            {
                "answer": answer.answer,
                "query": answer.query,
                "understood": [each.as_dict() for each in answer.understood],
                "ignored": list(answer.ignored),
                "notes": list(answer.notes),
                "api_url": request.build_absolute_uri(answer.address),
                "result": answer.result,
                "translator": answer.translator,
            }
        )
