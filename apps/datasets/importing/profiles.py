"""Profiles at an import: which one knows a header, and which header one is for."""

import json
from collections.abc import Mapping
from typing import Any

from apps.datasets.models import Import, Profile
from apps.datasets.reading.inspections import Inspection


def find_profile(row: Import, inspection: Inspection) -> Profile | None:
    """Return the profile changed last that is for this header, where nobody has said how to read.

    One that keeps personal columns is never taken unasked: whoever imports may not be allowed to keep them.
    """
    if row.mapping or isinstance(row.options.get("mapping"), dict):
        return None
    known = Profile.objects.filter(
        organization=row.dataset.organization_id, signature=_text(inspection.signature)
    )
    return known.exclude(mapping__keep_personal=True).order_by("-updated_at", "-id").first()


def learn_signature(row: Import, mapping: Mapping[str, Any], inspection: Inspection) -> None:
    """Note the header in profiles of this mapping that have not met one yet."""
    Profile.objects.filter(
        organization=row.dataset.organization_id, signature="", mapping=dict(mapping)
    ).update(signature=_text(inspection.signature))


def _text(signature: tuple[str, ...]) -> str:
    return json.dumps(signature, ensure_ascii=False)
