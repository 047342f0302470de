"""What the creator of a preview is told."""

from typing import Final

from django.urls import reverse

from apps.accounts.models import Membership
from apps.accounts.services import notify
from apps.common.notices import Level, NoticeKind
from apps.previews.models import Session

READY: Final = "previews.ready"
FAILED: Final = "previews.failed"
OPENED: Final = "previews.opened"
EXPIRED: Final = "previews.expired"
NOTICES: Final = (
    NoticeKind(name=READY, title="A preview of yours is ready"),
    NoticeKind(name=FAILED, title="A bundle of yours was refused", level=Level.WARNING),
    NoticeKind(name=OPENED, title="A preview of yours was opened for the first time"),
    NoticeKind(name=EXPIRED, title="A preview of yours has ended"),
)


def tell_ready(session: Session) -> None:
    """Tell that a session can be opened now."""
    body = f"Devices get revision {session.revision} from now on." if session.revision > 1 else ""
    _tell(session, READY, f"Ready: {session}", body, f"{session.revision}")


def tell_failed(session: Session, *, is_last: bool) -> None:
    """Tell that a bundle was refused, and why; of a next revision also what devices get, unless all ends."""
    goes_on = session.next_status is not None and not is_last
    rest = f" Devices still get revision {session.revision}." if goes_on else ""
    _tell(session, FAILED, f"Refused: {session}", f"{session.error_detail}{rest}", f"{session.failures}")


def tell_opened(session: Session) -> None:
    """Tell that somebody opened a session for the first time."""
    _tell(session, OPENED, f"Opened: {session}", "", "")


def tell_ended(session: Session, body: str) -> None:
    """Tell that a session has ended; what was shared opens nothing any more."""
    _tell(session, EXPIRED, f"Ended: {session}", body, "")


def _tell(session: Session, kind: str, title: str, body: str, happening: str) -> None:
    """Tell the creator, while they belong to the organization, once a kind, session and happening."""
    user = session.created_by
    if user is None:
        return
    if not Membership.objects.filter(user=user, organization=session.organization_id).exists():
        return
    notify(
        user=user,
        kind=kind,
        title=title,
        body=body,
        organization=session.organization,
        target=session,
        page=_page_of(session),
        dedupe_key=f"{kind}:{session.pk}:{happening}",
    )


def _page_of(session: Session) -> str:
    """Return the path of a session's page."""
    return reverse("previews:session", args=[session.pk])
