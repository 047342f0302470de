"""What people say about a signal."""

import datetime as dt
from typing import Final

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.permissions import Actor, require
from apps.common.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from apps.signals.announcing import announce_comment
from apps.signals.models import Comment, Signal
from apps.signals.notices import tell_mentioned
from apps.signals.queries.assignees import WORK, members_by_email
from apps.signals.states import EventType
from apps.signals.triage.events import write_event
from apps.signals.triage_services.markdown import mentioned_addresses
from apps.signals.triage_services.workflows import ASSIGN

BODY_CHARS: Final = 10_000
OWN_FOR: Final = dt.timedelta(minutes=15)


class CommentSettled(Conflict):
    """A comment can be changed or taken back by its author for 15 minutes.

    Others may have answered it since. Who may assign signals can delete any comment.
    """

    code = "signals.comment_settled"


@transaction.atomic
def add_comment(*, actor: Actor, signal: Signal, body: str) -> Comment:
    """Write a comment and tell the members whom it mentions as `@address`; raises Forbidden, Invalid."""
    require(actor, WORK)
    _check_body(body)
    mentioned = _mentioned(signal, body)
    comment = Comment.objects.create(
        organization=signal.organization,
        signal=signal,
        author=actor.person,
        body=body,
        mentions=[user.pk for user in mentioned],
    )
    write_event(
        event_type=EventType.COMMENT,
        organization_id=signal.organization_id,
        signal_id=signal.pk,
        actor=actor.person,
        payload={"comment": str(comment.pk)},
        occurred_at=comment.created_at,
        dedupe_key=f"{EventType.COMMENT}:{comment.pk}",
    )
    _tell(comment, mentioned)
    announce_comment(comment)
    return comment


@transaction.atomic
def edit_comment(*, actor: Actor, comment: Comment, body: str) -> Comment:
    """Change a comment of one's own within OWN_FOR; who is mentioned only now is told.

    Raises Forbidden, CommentSettled, Invalid, NotFound for a deleted one.
    """
    require(actor, WORK)
    _check_body(body)
    comment = _locked(comment)
    now = timezone.now()
    if not _is_own(actor, comment):
        raise Forbidden("Only its author can change a comment.")
    _require_recent(comment, now)
    mentioned = _mentioned(comment.signal, body)
    comment.body, comment.edited_at = body, now
    comment.mentions = [user.pk for user in mentioned]
    comment.save(update_fields=["body", "edited_at", "mentions", "updated_at"])
    _tell(comment, mentioned)
    announce_comment(comment)
    return comment


@transaction.atomic
def delete_comment(*, actor: Actor, comment: Comment) -> None:
    """Take a comment's text away; its place stays. One's own within OWN_FOR, any for who may assign.

    Raises Forbidden, CommentSettled, NotFound for a deleted one.
    """
    require(actor, WORK)
    comment = _locked(comment)
    now = timezone.now()
    if not actor.may(ASSIGN):
        if not _is_own(actor, comment):
            raise Forbidden("This needs the permission signals.assign, or that the comment is yours.")
        _require_recent(comment, now)
    comment.body, comment.mentions, comment.deleted_at = "", [], now
    comment.save(update_fields=["body", "mentions", "deleted_at", "updated_at"])
    announce_comment(comment)


def may_edit(actor: Actor, comment: Comment, now: dt.datetime) -> bool:
    """Tell whether the actor could change the comment at this instant."""
    is_there = comment.deleted_at is None and now <= comment.created_at + OWN_FOR
    return is_there and actor.may(WORK) and _is_own(actor, comment)


def may_delete(actor: Actor, comment: Comment, now: dt.datetime) -> bool:
    """Tell whether the actor could delete the comment at this instant."""
    return may_edit(actor, comment, now) or (comment.deleted_at is None and actor.may(ASSIGN))


def _is_own(actor: Actor, comment: Comment) -> bool:
    return actor.person is not None and comment.author_id == actor.person.pk


def _require_recent(comment: Comment, now: dt.datetime) -> None:
    if now > comment.created_at + OWN_FOR:
        raise CommentSettled


def _locked(comment: Comment) -> Comment:
    """Return a comment locked; raises NotFound if it was deleted meanwhile, so that no edit revives it."""
    rows = Comment.objects.select_for_update(of=("self",)).select_related("signal__organization")
    found: Comment | None = rows.filter(pk=comment.pk, deleted_at__isnull=True).first()
    if found is None:
        raise NotFound("There is no such comment.")
    return found


def _check_body(body: str) -> None:
    if not body.strip():
        raise Invalid(errors=[FieldError("Write something.", code="blank", pointer="/body")])
    if len(body) > BODY_CHARS:
        detail = f"Write at most {BODY_CHARS:,} characters."
        raise Invalid(errors=[FieldError(detail, code="max_length", pointer="/body")])


def _mentioned(signal: Signal, body: str) -> list[User]:
    """Return the members that a text mentions; every member may see every signal."""
    return members_by_email(signal.organization, mentioned_addresses(body))


def _tell(comment: Comment, mentioned: list[User]) -> None:
    author = comment.author
    for user in mentioned:
        if user != author:
            tell_mentioned(comment, signal=comment.signal, user=user, author=author)
