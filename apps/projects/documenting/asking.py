"""Whether a job may ask a language model, and with what."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from django.conf import settings

from apps.common.ai import Spent
from apps.projects.documenting.external import Question
from apps.projects.documenting.outgoing import Parcel, pack, reason_to_stay, within_budget
from apps.projects.documenting.redaction import redact
from apps.projects.documenting.results import Unscanned
from apps.projects.documenting.sources import ListedFile, read_sources
from apps.projects.documenting.structural import Material
from apps.projects.documenting.targets import Place, choose, find_places
from apps.projects.errors import ExternalAiOff, ModelUnavailable
from apps.projects.models import Project
from apps.projects.states import CodeJobType, Engine

TELLING_FIRST: Final = ("readme", "pyproject.toml", "package.json", "setup.cfg", "requirements.txt")


def may_leave(project: Project, engine: str) -> bool:
    """Tell whether a job of this engine may ask a language model."""
    is_wanted = engine != Engine.STRUCTURAL and settings.AI_PROVIDER != "none"
    return is_wanted and bool(project.option("external_ai"))


def require_model(project: Project, engine: str) -> bool:
    """Tell whether a language model is asked; raises where it must be, and may not or cannot."""
    if engine == Engine.EXTERNAL and not project.option("external_ai"):
        raise ExternalAiOff
    if engine == Engine.EXTERNAL and settings.AI_PROVIDER == "none":
        raise ModelUnavailable("No language model is configured.")
    return may_leave(project, engine)


def pack_parcel(material: Material, project: Project) -> Parcel:
    """Return what of a job's files may go out; reads at most the budget of a job."""
    globs = tuple(project.option("ai_exclude_globs"))
    places = find_places(material.files, material.wish)[0]
    is_explanation = material.type == CodeJobType.EXPLANATION
    files = [place.file for place in places] if is_explanation else choose(material.files, material.wish)
    # Each file once, what tells most of a project first where only a part of it fits.
    files = list({file.path: file for file in files}.values())
    if material.type == CodeJobType.SUMMARY:
        files.sort(key=lambda file: not file.path.rpartition("/")[2].lower().startswith(TELLING_FIRST))
    staying = [Unscanned(file.path, reason) for file in files if (reason := reason_to_stay(file, globs))]
    wanted = [file for file in files if not reason_to_stay(file, globs)]
    leaving = within_budget(wanted)
    staying += [Unscanned(file.path, "budget") for file in wanted[len(leaving) :]]
    return pack(_contents(material, leaving, places), staying)


def question_of(
    material: Material,
    parcel: Parcel,
    *,
    organization_id: uuid.UUID,
    before_call: Callable[[Spent], bool],
) -> Question:
    """Return what the model is asked; what the person wrote is redacted as well."""
    chosen = [
        f"Lines {place.line_start} to {place.line_end} of {place.file.path!r} are to be explained."
        for place in find_places(material.files, material.wish)[0]
    ]
    return Question(
        organization_id=organization_id,
        type=material.type,
        parcel=parcel,
        instructions=redact(material.wish.instructions).text,
        chosen="\n".join(chosen) if material.type == CodeJobType.EXPLANATION else "",
        deadline=material.deadline,
        before_call=before_call,
    )


def _contents(
    material: Material, files: Sequence[ListedFile], places: Sequence[Place]
) -> Iterator[tuple[ListedFile, bytes]]:
    """Yield files with what they hold, or with what an editor holds of them unsaved."""
    unsaved = {place.file.path: place.content for place in places if place.content is not None}
    for file, source in zip(files, read_sources(material.repository, files), strict=True):
        content = unsaved.get(file.path)
        yield file, source.content if content is None else content.encode("utf-8", "replace")
