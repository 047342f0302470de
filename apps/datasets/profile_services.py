"""Profiles: named decisions how files of one kind are read, to be taken again."""

import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common.errors import Duplicate, FieldError, Invalid
from apps.datasets.models import Profile
from apps.datasets.reading.documents import read_inside
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.mapping import Mapping as ColumnMapping

OPTIONS: Final = ("member_pattern", "duplicates", "reject_limit")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class ProfileNameTaken(Duplicate):
    """A profile of this name exists already."""

    code = "datasets.profile_name_taken"


@transaction.atomic
def create_profile(
    *,
    actor: Actor,
    name: str,
    mapping: Mapping[str, Any],
    dialect: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Profile:
    """Make a profile; which header it is for it learns from the first file read by it.

    Raises ProfileNameTaken, MappingInvalid and DialectInvalid.
    """
    require(actor, "datasets.ingest")
    profile = Profile(
        organization=actor.organization,
        name=name,
        mapping=_mapping(actor, mapping),
        dialect=_dialect(dialect),
        options=dict(options or {}),
        created_by=actor.person,
    )
    _save(profile)
    record_audit(actor=actor, verb="datasets.profile_created", target=profile, changes={"name": name})
    return profile


@transaction.atomic
def update_profile(*, actor: Actor, profile: Profile, **changes: Any) -> Profile:
    """Change name, mapping, dialect or options; with another mapping the header is learned anew.

    Raises ProfileNameTaken, MappingInvalid and DialectInvalid.
    """
    require(actor, "datasets.ingest")
    profile = Profile.objects.select_for_update().get(pk=profile.pk)
    if "mapping" in changes:
        changes["mapping"] = _mapping(actor, changes["mapping"])
        changes["signature"] = "" if changes["mapping"] != profile.mapping else profile.signature
    if "dialect" in changes:
        changes["dialect"] = _dialect(changes["dialect"])
    for name, value in changes.items():
        setattr(profile, name, value)
    _save(profile)
    record_audit(actor=actor, verb="datasets.profile_changed", target=profile, changes=changes)
    return profile


@transaction.atomic
def delete_profile(*, actor: Actor, profile: Profile) -> None:
    """Delete a profile; imports that were read by it keep their mapping, sources go on without one."""
    require(actor, "datasets.ingest")
    record_audit(actor=actor, verb="datasets.profile_deleted", target=profile, changes={"name": profile.name})
    profile.delete()


def settle_profile(actor: Actor, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return import options with what the profile says that they name; what is given beside it holds.

    Raises Invalid for a mapping that is a text and neither `auto` nor a profile of the organization.
    """
    named = options.get("mapping")
    if not isinstance(named, str) or named == "auto":
        return options
    profile = None
    if _UUID.fullmatch(named):
        profile = Profile.objects.visible_to(actor).filter(pk=uuid.UUID(named)).first()
    if profile is None:
        wrong = FieldError("Give `auto`, the id of a profile, or a mapping.", pointer="/mapping")
        raise Invalid(errors=[wrong])
    given = {name: value for name, value in options.items() if value is not None}
    return {**profile.options, "dialect": profile.dialect, **given, "mapping": profile.mapping}


def _mapping(actor: Actor, content: Any) -> dict[str, Any]:
    """Return a mapping in full; keeping personal columns takes the permission to configure."""
    mapping = read_inside(ColumnMapping.from_json, content, "mapping")
    if mapping.keep_personal:
        require(actor, "datasets.configure")
    return mapping.to_json()


def _dialect(content: Any) -> dict[str, Any] | None:
    """Check a dialect and return what was said of it: the rest is found out for each file."""
    if content is None:
        return None
    read_inside(Dialect.from_json, content, "dialect")
    return dict(content)


def _save(profile: Profile) -> None:
    try:
        with transaction.atomic():
            profile.save()
    except IntegrityError as error:
        if "datasets_profile_name_unique" in str(error):
            raise ProfileNameTaken from error
        raise
