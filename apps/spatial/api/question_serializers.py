"""Questions in words as they come in, and their answers."""

from typing import Any, Final

from rest_framework import serializers

from apps.common.serializers import StrictSerializer
from apps.spatial.asking.answering import Translator

QUESTION_MIN: Final = 3
QUESTION_MAX: Final = 500


class QuestionIn(StrictSerializer):
    """A question about one dataset; without one, about the only one there is."""

    question = serializers.CharField(min_length=QUESTION_MIN, max_length=QUESTION_MAX)
    dataset = serializers.UUIDField(required=False, allow_null=True)
    translator = serializers.ChoiceField(
        choices=[each.value for each in Translator], default=Translator.GRAMMAR.value
    )
    lenient = serializers.BooleanField(default=False)


class UnderstoodOut(serializers.Serializer[Any]):
    """Words of the question and what they are taken for."""

    text = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `as`, which Python does not let a class attribute be called."""
        return {**super().get_fields(), "as": serializers.CharField()}


class QuestionOut(serializers.Serializer[Any]):
    """The answer; `result` holds the figures, and `api_url` asks the map for the same."""

    answer = serializers.CharField()
    query = serializers.DictField()
    understood = UnderstoodOut(many=True)
    ignored = serializers.ListField(child=serializers.CharField())
    notes = serializers.ListField(child=serializers.CharField())
    api_url = serializers.URLField()
    result = serializers.DictField()
    translator = serializers.ChoiceField(choices=[Translator.GRAMMAR.value, Translator.AI.value])


class GrammarRuleOut(serializers.Serializer[Any]):
    """A form that a part of a question may have; each example is a whole question."""

    part = serializers.CharField()
    form = serializers.CharField()
    meaning = serializers.CharField()
    examples = serializers.ListField(child=serializers.CharField())


class GrammarOut(serializers.Serializer[Any]):
    """The grammar of questions: its rules, and the words that are passed over."""

    language = serializers.CharField()
    rules = GrammarRuleOut(many=True)
    filler = serializers.ListField(child=serializers.CharField())
    never_passed_over_after = serializers.ListField(child=serializers.CharField())
