"""Questions in words."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.viewsets import ResourceViewSet
from apps.datasets.models import Dataset
from apps.spatial.api.question_serializers import GrammarOut, QuestionIn, QuestionOut
from apps.spatial.asking.answering import Question, Translator, ask_question
from apps.spatial.asking.grammar import describe_grammar


class QuestionViewSet(ResourceViewSet[Dataset]):
    """Questions in words about datasets: read, understood in full, answered with figures, or refused."""

    queryset = Dataset.objects.all()
    permission = "spatial.ask"
    limit = "map"
    serializer_class = QuestionOut
    # Nothing is written, and a language model must not be waited for in the transaction that keeps answers.
    remembers_answers = False
    reading_actions = frozenset({"ask"})

    @extend_schema(operation_id="questions_ask", request=QuestionIn, responses=QuestionOut)
    def ask(self, request: Request) -> Response:
        """Answer a question about a dataset; what is not understood in full is refused."""
        values: dict[str, Any] = self.validated(QuestionIn)
        question = Question(
            text=values["question"],
            dataset_id=values.get("dataset"),
            translator=Translator(values["translator"]),
            is_lenient=values["lenient"],
        )
        answer = ask_question(self.actor, question, now=timezone.now())
        return Response(answer.as_dict(request.build_absolute_uri("/").rstrip("/")))

    @extend_schema(operation_id="questions_grammar", responses=GrammarOut)
    def grammar(self, request: Request) -> Response:
        """Answer the rules of the grammar, each with examples."""
        return Response(describe_grammar())
