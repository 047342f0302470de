"""Secrets by which mirrors reach their repositories: each for one host and port, never shown again."""

import datetime as dt
import re
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common.errors import Duplicate, FieldError, Invalid, NotFound, QuotaExceeded
from apps.common.outbound.errors import OutboundBlocked
from apps.common.outbound.urls import parse_target
from apps.projects import notices
from apps.projects.models import Credential, Project
from apps.projects.services.guards import lock_project, require_own
from apps.projects.vault import seal_secret

DEFAULT_PORT: Final = 443
CREDENTIALS_MAX: Final = 50
NOT_OF_HOSTS: Final = re.compile(r"[/?#@\\\s]")
# Told once at each, the nearest first.
EXPIRY_DAYS: Final = (2, 14)


@transaction.atomic
def add_credential(
    *,
    actor: Actor,
    project: Project,
    host: str,
    label: str,
    secret: str,
    port: int = DEFAULT_PORT,
    username: str = "",
    expires_at: dt.datetime | None = None,
) -> Credential:
    """Store a secret for one host and port; raises Duplicate, QuotaExceeded, Invalid for what is no host."""
    project = lock_project(project)
    require_own(actor, project, "projects.link")
    if Credential.objects.filter(project=project).count() >= CREDENTIALS_MAX:
        raise QuotaExceeded(f"A project has at most {CREDENTIALS_MAX} credentials.")
    credential = Credential(
        organization=project.organization,
        project=project,
        host=canonical_host(host, port),
        port=port,
        label=label,
        username=username,
        expires_at=expires_at,
        created_by=actor.person,
    )
    seal_secret(credential, secret.encode())
    _save_labelled(credential)
    said = {"host": credential.host, "port": port, "label": label}
    _record(actor, "projects.credential_added", credential, said)
    return credential


def canonical_host(host: str, port: int) -> str:
    """Return a host in the one form in which it is compared with a repository's address; raises Invalid."""
    wrong = Invalid(errors=[FieldError("Write a host name or an IP address alone.", pointer="/host")])
    if NOT_OF_HOSTS.search(host):
        raise wrong
    try:
        return parse_target(f"https://{_bracketed(host)}:{port}/", by_operator=True).host
    except OutboundBlocked as error:
        raise wrong from error


@transaction.atomic
def change_credential(*, actor: Actor, credential: Credential, **changes: Any) -> Credential:
    """Change label, username, expires_at or the secret itself, in place; raises Duplicate.

    A run under way ends with the old secret. Host and port never change: else a secret could be sent
    elsewhere.
    """
    credential = _locked(credential)
    require_own(actor, credential.project, "projects.link")
    secret = changes.pop("secret", None)
    changed = {name: value for name, value in changes.items() if getattr(credential, name) != value}
    for name, value in changed.items():
        setattr(credential, name, value)
    if secret is not None:
        seal_secret(credential, secret.encode())
        credential.last_result = ""
    elif not changed:
        return credential
    # Only these: a run may note its use at this moment.
    sealed = ["ciphertext", "last4", "last_result"] if secret is not None else []
    _save_labelled(credential, update_fields=[*changed, *sealed, "updated_at"])
    said = {**changed, **({"replaced": True} if secret is not None else {})}
    _record(actor, "projects.credential_changed", credential, said)
    return credential


@transaction.atomic
def delete_credential(*, actor: Actor, credential: Credential) -> None:
    """Destroy a secret at once; a mirror that used it goes on without, as far as it gets."""
    credential = _locked(credential)
    require_own(actor, credential.project, "projects.link")
    destroy_credentials(actor, credential.project, Q(pk=credential.pk))


def drop_other_hosts(*, actor: Actor, project: Project, host: str, port: int) -> int:
    """Destroy the credentials of a project that are not for this host and port; return how many.

    Called in the transaction in which another repository is linked.
    """
    return destroy_credentials(actor, project, ~Q(host=host, port=port))


def destroy_credentials(actor: Actor, project: Project, which: Q) -> int:
    """Delete credentials of a project with a line in the audit for each; return how many."""
    rows = list(Credential.objects.filter(which, project=project).select_related("project"))
    for row in rows:
        _record(actor, "projects.credential_deleted", row, {"host": row.host, "label": row.label})
        row.delete()
    return len(rows)


def tell_expiring(*, now: dt.datetime) -> int:
    """Tell those in charge of credentials that expire within 14 and within 2 days; return how many expire."""
    soon = Credential.objects.filter(
        project__deleted_at__isnull=True,
        project__archived_at__isnull=True,
        expires_at__gt=now,
        expires_at__lte=now + dt.timedelta(days=max(EXPIRY_DAYS)),
    )
    told = 0
    for credential in soon.select_related("project__organization").order_by("pk").iterator():
        left = credential.expires_at - now
        days = next(days for days in EXPIRY_DAYS if left <= dt.timedelta(days=days))
        with transaction.atomic():
            notices.tell_credential_expiring(credential, expires_at=credential.expires_at, days=days)
        told += 1
    return told


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _locked(credential: Credential) -> Credential:
    """Return a credential as it stands, of a project that is locked; raises NotFound if it is gone."""
    project = lock_project(credential.project)
    found: Credential | None = Credential.objects.filter(project=project, pk=credential.pk).first()
    if found is None:
        raise NotFound
    found.project = project
    return found


def _save_labelled(credential: Credential, **options: Any) -> None:
    try:
        with transaction.atomic():
            credential.save(**options)
    except IntegrityError as error:
        taken = FieldError("Another credential of the project has this label.", pointer="/label")
        raise Duplicate("The project has another credential of this label.", errors=[taken]) from error


def _record(actor: Actor, verb: str, credential: Credential, changes: dict[str, Any]) -> None:
    named = {"id": str(credential.pk), **changes}
    record_audit(actor=actor, verb=verb, target=credential.project, changes=named)
