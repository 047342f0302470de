"""Which engines there are for code jobs, and how they stand."""

from dataclasses import dataclass
from typing import Final, Literal

from django.conf import settings

from apps.accounts.permissions import Actor
from apps.common import ai
from apps.projects.states import Engine

OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class EngineState:
    """An engine: `open` is left alone for a minute because it failed, `off` is not configured.

    `tokens_left_today` is the organization's, None where nothing is counted.
    """

    engine: Engine
    model: str | None
    state: Literal["ok", "open", "off"]
    tokens_left_today: int | None


def list_engines(actor: Actor) -> list[EngineState]:
    """Return the structural engine and the external one."""
    structural = EngineState(Engine.STRUCTURAL, None, OK, None)
    if settings.AI_PROVIDER == "none":
        return [structural, EngineState(Engine.EXTERNAL, None, "off", None)]
    left = ai.tokens_left(actor.organization.pk)
    state: Literal["ok", "open"] = "open" if ai.is_left_alone() else OK
    return [structural, EngineState(Engine.EXTERNAL, settings.AI_MODEL or None, state, left)]
