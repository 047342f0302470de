"""Devices that hold a slot of a session."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common.errors import NotFound
from apps.previews.announcing import announce_device
from apps.previews.models import Device, Session, Token
from apps.previews.services.sessions import project_of
from apps.projects.services.projects import require_edit


@transaction.atomic
def remove_device(*, actor: Actor, device: Device) -> None:
    """Take a device's slot back for another one, and end its grants; that device gets nothing any more.

    Raises NotFound for one that was removed, Forbidden.
    """
    session = device.session
    require_edit(actor, project_of(session), "previews.create")
    now = timezone.now()
    # Conditional, so that two removals at once free one slot.
    if not Device.objects.filter(pk=device.pk, ended_at__isnull=True).update(ended_at=now):
        raise NotFound
    Session.objects.filter(pk=session.pk, uses__gt=0).update(uses=F("uses") - 1)
    Token.objects.filter(device=device, revoked_at__isnull=True).update(revoked_at=now)
    record_audit(actor=actor, verb="previews.device_removed", target=session)
    announce_device(session, device.pk, is_bound=False)
