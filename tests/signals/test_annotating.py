"""People write over the generated texts, and null clears what they wrote."""

import pytest

from apps.common.errors import Forbidden, Invalid
from apps.signals.models import Annotation
from apps.signals.triage_services import annotate_signal
from tests.factories.signals import create_signal
from tests.furniture.people import Actors
from tests.signals.triage import workflow_of

pytestmark = pytest.mark.django_db


def test_each_text_is_set_kept_and_cleared_by_itself(actors: Actors) -> None:
    signal = create_signal(actors.organization)

    def texts() -> tuple[str | None, str | None]:
        row = Annotation.objects.get()
        return row.description_override, row.why_matters

    annotate_signal(actor=actors.analyst.actor, signal=signal, description="Stays are long.")
    assert texts() == ("Stays are long.", None)
    annotate_signal(actor=actors.manager.actor, signal=signal, why_matters="Beds.")
    assert texts() == ("Stays are long.", "Beds.")
    assert Annotation.objects.get().edited_by == actors.manager.user
    annotate_signal(actor=actors.analyst.actor, signal=signal, description=None)
    assert texts() == (None, "Beds.")
    assert workflow_of(signal).version == 1


def test_only_who_works_writes_and_texts_have_bounds(actors: Actors) -> None:
    signal = create_signal(actors.organization)
    with pytest.raises(Forbidden):
        annotate_signal(actor=actors.viewer.actor, signal=signal, description="x")
    for wrong in ("", " \n", "x" * 4_001):
        with pytest.raises(Invalid):
            annotate_signal(actor=actors.analyst.actor, signal=signal, why_matters=wrong)
    assert not Annotation.objects.exists()
    annotate_signal(actor=actors.analyst.actor, signal=signal, why_matters="x" * 4_000)
