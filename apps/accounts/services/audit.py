"""The record of who did what. Written with the effect, in its transaction; sealed a little later."""

from collections.abc import Mapping
from typing import Any

from django.db import models

from apps.accounts.models import AuditEntry, Organization, User
from apps.accounts.permissions import Actor
from apps.common.origin import current_origin

LABEL_MAX_LENGTH = 254


def record_audit(
    *,
    actor: Actor | User | None,
    verb: str,
    target: models.Model | None = None,
    organization: Organization | None = None,
    changes: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write one entry in the caller's transaction; a bare user acts without a role, None is the installation.

    `verb` is `app.past_tense`, `changes` what is new by field, with `***` for every secret. It belongs to
    `organization`, by default the actor's; a user's own matters (sign-in, password) to the installation.
    """
    origin = current_origin()
    if organization is None and isinstance(actor, Actor):
        organization = actor.organization
    return AuditEntry.objects.create(
        organization=organization,
        verb=verb,
        changes=dict(changes or {}),
        ip=origin.ip,
        user_agent=origin.user_agent,
        request_id=origin.request_id,
        **_actor_columns(actor),
        **_target_columns(target),
    )


def _actor_columns(actor: Actor | User | None) -> dict[str, Any]:
    """Return what is kept of who acted: type, id, and a label that an erasure can blank."""
    user = actor.user if isinstance(actor, Actor) else actor
    if user is not None:
        return {"actor_type": "user", "actor_id": user.pk, "actor_label": user.email}
    if isinstance(actor, Actor) and actor.api_key is not None:
        label = str(actor.api_key)[:LABEL_MAX_LENGTH]
        return {"actor_type": "key", "actor_id": actor.api_key.pk, "actor_label": label}
    return {"actor_type": "system"}


def _target_columns(target: models.Model | None) -> dict[str, Any]:
    """Return what is kept of what was acted on."""
    if target is None:
        return {}
    return {
        "target_type": target._meta.label_lower,  # noqa: SLF001 - Django's public name of a model
        "target_id": str(target.pk),
        "target_label": str(target)[:LABEL_MAX_LENGTH],
    }
