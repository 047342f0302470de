"""The record of who did what. Written with the effect, in its transaction; sealed a little later."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from apps.accounts.models import ActorType, AuditEntry, Organization, User
from apps.accounts.permissions import Actor
from apps.common.logs import redact
from apps.common.origin import current_origin

LABEL_MAX_LENGTH = 254

_operator: ContextVar[User | None] = ContextVar("operator", default=None)


@contextmanager
def operating(user: User) -> Iterator[None]:
    """Record all acts inside the block as an operator's: services are called for the installation there."""
    reset = _operator.set(user)
    try:
        yield
    finally:
        _operator.reset(reset)


def record_audit(
    *,
    actor: Actor | User | None,
    verb: str,
    target: models.Model | None = None,
    organization: Organization | None = None,
    changes: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write one entry in the caller's transaction; a bare user acts without a role, None is the installation.

    `verb` is `app.past_tense` and registered (`common.audit`). `changes` is what is new by field: of things,
    never of people, whose names and addresses belong into labels, because changes are sealed for good; what
    looks like a secret becomes `***`. The entry belongs to `organization`, by default the actor's; what a
    user does or undergoes on their own (sign-in, password) to their default one, else to the installation.
    Inside `operating` it was the operator, whoever the service was called for.
    """
    origin = current_origin()
    if organization is None:
        organization = _organization_of(actor, target)
    return AuditEntry.objects.create(
        organization_id=organization.chain_id if organization is not None else None,
        verb=verb,
        changes=_sealable(changes or {}),
        ip=origin.ip,
        user_agent=origin.user_agent,
        request_id=origin.request_id,
        **_actor_columns(actor),
        **_target_columns(target),
    )


def blank_person(user: User) -> int:
    """Take a person's address, IPs and agents out of all chains, which stay valid; return how many entries.

    Their id stays: it says that two acts were by the same person, and no longer by whom.
    """
    acted = AuditEntry.objects.filter(actor_id=user.pk)
    blanked = acted.update(actor_label="", ip=None, user_agent="")
    undergone = Q(target_type=user._meta.label_lower, target_id=str(user.pk))  # noqa: SLF001 - a public name
    return blanked + AuditEntry.objects.filter(undergone).exclude(target_label="").update(target_label="")


def _organization_of(actor: Actor | User | None, target: models.Model | None) -> Organization | None:
    """Return where an entry belongs of which nobody said so; None is the installation."""
    if isinstance(actor, Actor):
        return actor.organization
    user = actor or target
    home = user.default_organization if isinstance(user, User) else None
    return home if home is not None and home.deleted_at is None else None


def _actor_columns(actor: Actor | User | None) -> dict[str, Any]:
    """Return what is kept of who acted: type, id, and a label that an erasure can blank."""
    operator = _operator.get()
    user = operator or (actor.user if isinstance(actor, Actor) else actor)
    if user is not None:
        kind = ActorType.STAFF if operator else ActorType.USER
        return {"actor_type": kind, "actor_id": user.pk, "actor_label": user.email}
    if isinstance(actor, Actor) and actor.api_key is not None:
        return {
            "actor_type": ActorType.KEY,
            "actor_id": actor.api_key.pk,
            "actor_label": _label(actor.api_key),
        }
    return {"actor_type": ActorType.SYSTEM}


def _target_columns(target: models.Model | None) -> dict[str, Any]:
    """Return what is kept of what was acted on."""
    if target is None:
        return {}
    return {
        "target_type": target._meta.label_lower,  # noqa: SLF001 - Django's public name of a model
        "target_id": str(target.pk),
        "target_label": _label(target),
    }


def _label(row: models.Model) -> str:
    label: str = _storable(redact(str(row)))
    return label[:LABEL_MAX_LENGTH]


def _sealable(changes: Mapping[str, Any]) -> Any:
    """Return changes as plain JSON without secrets."""
    text = json.dumps(redact(dict(changes)), cls=DjangoJSONEncoder, allow_nan=False)
    return _storable(json.loads(text))


def _storable(value: Any) -> Any:
    """Return a value without what PostgreSQL does not keep: NUL and lone surrogates."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode().replace("\0", "")
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value
